"""onnxruntime, and nothing else of ours: no custom operators, no code from the artifact."""

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, cast

import onnxruntime

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import DoesNotFit, InferenceFailed, ModelUnloadable
from penstock_predictor.tensors.arrays import BY_ONNX, Array

Device = Literal["auto", "cpu", "cuda"]
"""Where to compute; auto: on a CUDA device where this onnxruntime can, else on the processor."""

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_log = logging.getLogger(__name__)
_FATAL_ONLY = 4
"""What fails comes back as an exception; onnxruntime would write it to stderr as well, in its own format."""
_INVALID_ARGUMENT = onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument


class _GraphValue(Protocol):
    name: str
    type: str
    shape: Sequence[int | str | None] | None


class OnnxSession:
    """A loaded graph. `run` may be called by several threads at once; onnxruntime releases the GIL."""

    def __init__(self, file: Path, *, threads: int, device: Device = "auto") -> None:
        """Load the graph. Raises ModelUnloadable naming the file and the reason, also for a device that is absent."""
        onnxruntime.disable_telemetry_events()
        providers = choose_providers(device, onnxruntime.get_available_providers())
        try:
            self._session = onnxruntime.InferenceSession(str(file), sess_options=_options(threads), providers=providers)
        except Exception as error:  # onnxruntime raises a class per status code, all straight under Exception
            raise ModelUnloadable(f"{file}: onnxruntime refuses it: {one_line(error)}") from error
        self.provider: str = self._session.get_providers()[0]
        """The execution provider that is in use."""
        if device == "cuda" and self.provider != _CUDA:
            raise ModelUnloadable(f"{file}: device 'cuda' is asked for, and onnxruntime could not use it: see its log")
        self.inputs = tuple(_input_spec(value, file) for value in self._session.get_inputs())
        self.outputs = _output_specs(self._session.get_outputs(), file)

    def run(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """Compute the named outputs. Raises DoesNotFit for what the graph refuses as input, else InferenceFailed."""
        try:
            arrays = self._session.run(list(outputs), dict(feeds))
        except _INVALID_ARGUMENT as error:
            raise DoesNotFit(f"the model refuses these inputs: {one_line(error)}") from error
        except Exception as error:  # as above: no common base to name
            raise InferenceFailed(f"the model failed on these inputs: {one_line(error)}") from error
        return cast("list[Array]", arrays)  # only tensors are ever asked for, see _output_specs


def choose_providers(device: Device, available: Sequence[str]) -> list[str]:
    """Execution providers in the order of preference. Raises ModelUnloadable for a device that this build lacks."""
    if device == "cuda" and _CUDA not in available:
        raise ModelUnloadable(
            f"device 'cuda' is asked for, and this onnxruntime has only {list(available)}: install onnxruntime-gpu"
        )
    return [_CUDA, _CPU] if device != "cpu" and _CUDA in available else [_CPU]


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    # A thread that spins while it waits for work eats the container's CPU limit and is throttled for it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _spec(value: _GraphValue) -> TensorSpec | None:
    datatype = BY_ONNX.get(value.type)
    if datatype is None:
        return None
    shape = tuple(size if isinstance(size, int) else -1 for size in value.shape or ())
    return TensorSpec(name=value.name, datatype=datatype.v2, shape=shape)


def _input_spec(value: _GraphValue, file: Path) -> TensorSpec:
    spec = _spec(value)
    if spec is None:
        raise ModelUnloadable(f"{file}: input {value.name!r} is a {value.type}, which cannot be sent as a tensor")
    return spec


def _output_specs(values: Sequence[_GraphValue], file: Path) -> tuple[TensorSpec, ...]:
    """A classifier converted with ZipMap has a sequence of maps beside its label: the rest is served all the same."""
    specs = {value.name: _spec(value) for value in values}
    for value in values:
        if specs[value.name] is None:
            _log.warning("output left out: it is no tensor", extra={"output": value.name, "type": value.type})
    served = tuple(spec for spec in specs.values() if spec is not None)
    if not served:
        raise ModelUnloadable(f"{file}: none of its outputs {list(specs)} is a tensor")
    return served


def one_line(error: Exception) -> str:
    """Onnxruntime's messages run over many lines and name its source files; keep what a caller can use."""
    text = " ".join(str(error).split())
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : ", "", text)
    text = re.sub(r"\S*/onnxruntime/\S*:\d+ ", "", text)
    return text if len(text) <= 500 else f"{text[:497]}..."  # noqa: PLR2004 - a log line, a JSON error
