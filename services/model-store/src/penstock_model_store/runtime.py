"""onnxruntime in the process that opens a model: a session, a run, and whose fault an error of it is."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime

from penstock_contracts.model_card import TensorSpec
from penstock_model_store.errors import (
    Failed,
    GoldenFailed,
    IngestError,
    InvalidGraph,
    MemoryLimitExceeded,
    RuntimeLacks,
    TextNotUnicode,
    UnsupportedOperator,
    UnsupportedOpset,
    store_full,
    too_much_memory,
)
from penstock_model_store.tensors import Array

_OUT_OF_MEMORY = re.compile(r"bad_alloc|failed to allocate|out of memory|cannot allocate|bad allocation", re.IGNORECASE)
_DISK_FULL = re.compile(r"no space left|disk quota", re.IGNORECASE)
_LOCALE = re.compile(r"locale with name:\s*([\w.@-]+?)(?::|\s|$)", re.IGNORECASE)
_LACKS = re.compile(
    r"locale|cannot open shared object|\.so\b[^:]*: (?:undefined symbol|no such file)|read-only file system"
    r"|too many open files|permission denied|resource temporarily unavailable|pthread_create",
    re.IGNORECASE,
)
"""What onnxruntime says when the machine lacks something. None of it tells anything of the model."""
_VERSION = f"onnxruntime {onnxruntime.__version__}"


def opened_session(path: Path) -> onnxruntime.InferenceSession:
    """Load a graph. Raises IngestError, MemoryError."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise load_error(path.name, error) from error


def load_error(name: str, error: Exception) -> IngestError:
    """What it means that a graph does not load: a fault of the model, or of this store."""
    text = one_line(error)
    if (ours := _store_fault(name, text)) is not None:
        return ours
    if "ValidateOpsetForDomain" in text or "IR version" in text:
        return UnsupportedOpset(f"{name} needs a newer one than this store's {_VERSION}: {text}")
    if "NOT_IMPLEMENTED" in text or "not a registered function/op" in text:
        return UnsupportedOperator(
            f"{name} has an operator that this store's {_VERSION} does not run: {text}; export the model with another "
            "operator set or data type, or wait for a Penstock with a newer onnxruntime"
        )
    return InvalidGraph(f"{_VERSION} cannot load {name}: {text}; export the model again")


def run(
    session: onnxruntime.InferenceSession, outputs: Sequence[TensorSpec], feeds: Mapping[str, Array]
) -> dict[str, Array]:
    """Compute every output. Raises GoldenFailed where the model does not answer, and what is not the model's fault."""
    names = [spec.name for spec in outputs]
    try:
        values = session.run(names, dict(feeds))
    except MemoryError:
        raise
    except UnicodeDecodeError as error:
        raise TextNotUnicode(
            f"the model answers text that is not UTF-8 ({error.object[:40]!r}), as ONNX wants it: encode the strings "
            "that it holds anew (for t in the tensors: t.string_data[:] = [s.decode('latin-1').encode() for s in "
            "t.string_data]) and log it again"
        ) from error
    except Exception as error:
        raise _run_error(one_line(error)) from error
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def _run_error(text: str) -> IngestError:
    if (ours := _store_fault("the model", text)) is not None:
        return ours
    if "NOT_IMPLEMENTED" in text:
        return UnsupportedOperator(
            f"the model has an operator that this store's {_VERSION} does not run: {text}; export it with another "
            "operator set or data type"
        )
    return GoldenFailed(text)


def _store_fault(name: str, text: str) -> MemoryLimitExceeded | Failed | None:
    if _OUT_OF_MEMORY.search(text):
        return too_much_memory(name)
    if _DISK_FULL.search(text):
        return store_full()
    if not _LACKS.search(text):
        return None
    locale = _LOCALE.search(text)
    what = f"the locale {locale[1]}" if locale else "something"
    return RuntimeLacks(
        f"{name} needs {what} that this model store's image lacks. Nothing is wrong with the model: the image must "
        f"have it, so tell the administrator; it is tried again by itself. {_VERSION} says: {text}"
    )


def one_line(error: Exception) -> str:
    """Onnxruntime's messages run over many lines, and name its source files before they come to the point."""
    text = re.sub(r"\S*/onnxruntime/\S*:\d+ ", "", " ".join(str(error).split()))
    return text[:400]
