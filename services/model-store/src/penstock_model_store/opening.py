"""Opening a model: its graph is checked, a session made, the golden request answered twice."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from penstock_contracts.inference import InferRequest, InferResponse, RequestInput
from penstock_contracts.model_card import Column, Golden, GoldenSource, TensorSpec
from penstock_model_store.errors import (
    EmptyModel,
    GoldenFailed,
    GoldenNotFinite,
    IngestError,
    InputExampleRefused,
    InvalidGraph,
    MemoryLimitExceeded,
    UnsupportedInput,
    UnsupportedOperator,
    UnsupportedOpset,
    UnsupportedOutput,
)
from penstock_model_store.examples import request_from_example
from penstock_model_store.golden import check_answers, check_elements, generated_requests
from penstock_model_store.inspection import Inspection, InspectionOutcome
from penstock_model_store.onnx_graph import check_data_sizes, check_graph, external_files, parsed_model
from penstock_model_store.signature import columns_of
from penstock_model_store.tensors import DATATYPES, Array, dtype_of, response_output

_OUT_OF_MEMORY = re.compile(r"bad_alloc|failed to allocate|out of memory|cannot allocate|bad allocation", re.IGNORECASE)
_EXAMPLE_BYTES = 16 * 2**20


def opened_outcome(model: Path, example: Path | None, signature_inputs: str | None) -> InspectionOutcome:
    """Open, with every refusal turned into an answer."""
    try:
        return _opened(model, example, signature_inputs)
    except MemoryError:
        error: IngestError = _too_much_memory(model.name)
    except IngestError as refused:
        error = refused
    return InspectionOutcome(reason=error.reason, message=str(error))


def _opened(path: Path, example: Path | None, signature_inputs: str | None) -> InspectionOutcome:
    model = parsed_model(path)
    needed = external_files(path.name, model)
    missing = tuple(sorted(name for name in needed if not (path.parent / name).exists()))
    if missing:
        return InspectionOutcome(missing=missing)
    check_data_sizes(path.parent, needed)
    check_graph(path, model)
    opsets = {opset.domain or "ai.onnx": opset.version for opset in model.opset_import}
    del model
    session = _session(path)
    inputs = tuple(_spec(tensor, UnsupportedInput) for tensor in session.get_inputs())
    if not inputs:
        raise InvalidGraph(f"{path.name} has no inputs: export the model with its inputs")
    outputs = tuple(_output_spec(tensor) for tensor in session.get_outputs())
    columns = columns_of(signature_inputs, inputs)
    golden = _golden(session, outputs, _example_request(example, inputs, columns), inputs)
    return InspectionOutcome(
        inspection=Inspection(inputs=inputs, outputs=outputs, columns=columns, opsets=opsets, golden=golden)
    )


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except MemoryError:
        raise
    except Exception as error:
        raise _from_onnxruntime(path.name, error) from error


def _from_onnxruntime(name: str, error: Exception) -> IngestError:
    text = " ".join(str(error).split())[:400]
    if _OUT_OF_MEMORY.search(text):
        return _too_much_memory(name)
    if "ValidateOpsetForDomain" in text or "IR version" in text:
        return UnsupportedOpset(f"{name} needs a newer onnxruntime: {text}")
    if "NOT_IMPLEMENTED" in text or "not a registered function/op" in text:
        return UnsupportedOperator(f"{name} has an operator that onnxruntime does not run: {text}")
    return InvalidGraph(f"onnxruntime cannot load {name}: {text}; export the model again")


def _too_much_memory(name: str) -> MemoryLimitExceeded:
    return MemoryLimitExceeded(
        f"opening {name} needs more memory than the store allows: make the model smaller, or raise the limit "
        "(PENSTOCK_STORE_OPEN_MEMORY_BYTES)"
    )


def _spec(tensor: Any, refusal: type[IngestError]) -> TensorSpec:
    if tensor.type not in DATATYPES:
        raise refusal(
            f"{tensor.name} has type {tensor.type}, which has no form in the inference protocol: export the model "
            "with plain tensors"
        )
    shape = tuple(size if isinstance(size, int) and size >= 0 else -1 for size in tensor.shape)
    return TensorSpec(name=tensor.name, datatype=DATATYPES[tensor.type], shape=shape)


def _output_spec(tensor: Any) -> TensorSpec:
    if tensor.type.startswith("seq(map("):
        raise UnsupportedOutput(
            f"output {tensor.name} has type {tensor.type} (skl2onnx's ZipMap): convert the model with "
            "options={'zipmap': False} and log it again"
        )
    return _spec(tensor, UnsupportedOutput)


def _example_request(
    example: Path | None, inputs: Sequence[TensorSpec], columns: Sequence[Column] | None
) -> InferRequest | None:
    if example is None:
        return None
    if example.stat().st_size > _EXAMPLE_BYTES:
        raise InputExampleRefused(
            f"the input example has {example.stat().st_size} bytes, more than {_EXAMPLE_BYTES}: log a few rows"
        )
    return request_from_example(example.read_text(errors="replace"), inputs, columns)


def _golden(
    session: onnxruntime.InferenceSession,
    outputs: Sequence[TensorSpec],
    example: InferRequest | None,
    inputs: Sequence[TensorSpec],
) -> Golden:
    if example is not None:
        try:
            return _answered(session, outputs, example, GoldenSource.INPUT_EXAMPLE)
        except GoldenFailed as error:
            raise InputExampleRefused(
                f"the model does not answer its own input example ({error}): log the model with one that it answers"
            ) from error
    failure: IngestError = EmptyModel()
    for request in generated_requests(inputs):
        try:
            return _answered(session, outputs, request, GoldenSource.SIGNATURE)
        except (GoldenFailed, GoldenNotFinite) as error:
            failure = error
    raise GoldenFailed(
        f"the model answers no request made from its inputs ({failure}): log it with an input example"
    ) from failure


def _answered(
    session: onnxruntime.InferenceSession,
    outputs: Sequence[TensorSpec],
    request: InferRequest,
    source: GoldenSource,
) -> Golden:
    first, second = (_run(session, outputs, request) for _ in range(2))
    check_elements(sum(value.size for value in first.values()), "the answer to the golden request")
    check_answers(first, second)
    answers = tuple(response_output(spec.name, spec.datatype, first[spec.name]) for spec in outputs)
    return Golden(source=source, request=request, response=InferResponse(model_name="golden", outputs=answers))


def _run(
    session: onnxruntime.InferenceSession, outputs: Sequence[TensorSpec], request: InferRequest
) -> dict[str, Array]:
    feeds = {tensor.name: _array(tensor) for tensor in request.inputs}
    names = [spec.name for spec in outputs]
    try:
        values = session.run(names, feeds)
    except MemoryError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:400]
        if _OUT_OF_MEMORY.search(text):
            raise _too_much_memory("the model and answering its golden request") from error
        raise GoldenFailed(text) from error
    return {name: np.asarray(value) for name, value in zip(names, values, strict=True)}


def _array(tensor: RequestInput) -> Array:
    return np.asarray(tensor.data, dtype=dtype_of(tensor.datatype)).reshape(tensor.shape)
