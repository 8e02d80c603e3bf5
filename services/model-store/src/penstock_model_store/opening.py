"""Opening a model: its graph is checked, a session made, the golden request answered and timed."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from penstock_contracts.inference import InferRequest
from penstock_contracts.model_card import Column, ModelCost, TensorSpec
from penstock_model_store.canonical import canonical_request
from penstock_model_store.errors import (
    IngestError,
    InputExampleRefused,
    InvalidGraph,
    UnsupportedInput,
    UnsupportedOutput,
    too_much_memory,
)
from penstock_model_store.examples import request_from_example
from penstock_model_store.inspection import Inspection, InspectionJob, InspectionOutcome
from penstock_model_store.memory_peak import MemoryPeak
from penstock_model_store.onnx_graph import (
    check_data_sizes,
    check_graph,
    external_files,
    inputs_without_rank,
    parsed_model,
)
from penstock_model_store.runtime import opened_session
from penstock_model_store.signature import columns_of
from penstock_model_store.tensors import DATATYPES
from penstock_model_store.trial import Trial

_EXAMPLE_BYTES = 48 * 2**20
"""MLflow writes some 20 bytes for each number: an image of 640 by 640 pixels in three colours has 25 MB."""


def opened_outcome(job: InspectionJob) -> InspectionOutcome:
    """Open, with every refusal turned into an answer."""
    try:
        return _opened(job)
    except MemoryError:
        error: IngestError = too_much_memory(job.model.name)
    except IngestError as refused:
        error = refused
    return InspectionOutcome(reason=error.reason, message=str(error))


def _opened(job: InspectionJob) -> InspectionOutcome:
    path = job.model
    model = parsed_model(path)
    needed = external_files(path.name, model)
    missing = tuple(sorted(name for name in needed if not (path.parent / name).exists()))
    if missing:
        return InspectionOutcome(missing=missing)
    check_data_sizes(path.parent, needed)
    check_graph(path, model)
    opsets = {opset.domain or "ai.onnx": opset.version for opset in model.opset_import}
    unranked = inputs_without_rank(model)
    del model
    loading, began = MemoryPeak.begun(), time.perf_counter()
    session = opened_session(path)
    seconds, most, kept = time.perf_counter() - began, loading.grown(), loading.kept()
    inputs = tuple(_spec(tensor, UnsupportedInput) for tensor in session.get_inputs())
    if not inputs:
        raise InvalidGraph(f"{path.name} has no inputs: export the model with its inputs")
    outputs = tuple(_output_spec(tensor) for tensor in session.get_outputs())
    columns = columns_of(job.signature_inputs, inputs)
    trial = Trial(session=session, inputs=inputs, outputs=outputs, unranked=unranked)
    example = _example_request(job.example, inputs, columns)
    answering = MemoryPeak.begun()  # the text of a large example is no cost of the model
    if example is None:
        answered = trial.of_guesses(cpu_seconds=job.cpu_seconds / 3)
    else:
        answered = trial.of_example(example)
        job.canonical_example.write_bytes(canonical_request(example))
    memory = _highest(most, kept, answering.grown())
    cost = ModelCost(load_seconds=seconds, golden_seconds=answered.seconds, memory_bytes=memory)
    return InspectionOutcome(
        inspection=Inspection(
            inputs=inputs, outputs=outputs, columns=columns, opsets=opsets, golden=answered.golden, cost=cost
        )
    )


def _highest(while_loading: int | None, kept: int | None, while_answering: int | None) -> int | None:
    if while_loading is None or kept is None or while_answering is None:
        return None
    return max(while_loading, kept + while_answering)


def _spec(tensor: Any, refusal: type[IngestError]) -> TensorSpec:
    if tensor.type not in DATATYPES and tensor.type.startswith("tensor(bfloat16"):
        raise refusal(
            f"{tensor.name} is bfloat16, which JSON requests and answers have no form for: export the model in float32 "
            "(torch: model.float()), or end and begin its graph with Cast nodes from and to FLOAT, and log it again"
        )
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
