"""ModelInfer's messages to tensors and back: raw, or as protobuf's repeated fields (`contents`)."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from penstock_predictor.errors import BadRequest, DoesNotFit
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.rpc.open_inference_pb2 import (
    InferParameter,
    InferTensorContents,
    ModelInferRequest,
    ModelInferResponse,
)
from penstock_predictor.tensors.arrays import BY_NUMPY, BY_V2, Array, Datatype, count_elements, reshape
from penstock_predictor.tensors.binary_tensors import decode_raw, decode_text, encode_raw

FIELDS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Where each datatype travels. FP16 has no field: raw contents are its only way."""


def decode_contents(tensor: ModelInferRequest.InferInputTensor) -> Array:
    """Read one input tensor. Raises BadRequest and DoesNotFit, naming it."""
    subject = f"input {tensor.name!r}"
    datatype = BY_V2.get(tensor.datatype)
    if datatype is None:
        raise BadRequest(f"{subject}: unknown datatype {tensor.datatype!r}: use one of {', '.join(BY_V2)}")
    field = _field(datatype, tensor.contents, subject)
    values = getattr(tensor.contents, field)
    count = count_elements(tensor.shape, subject)
    if len(values) != count:
        shape = list(tensor.shape)
        raise DoesNotFit(f"{subject}: expected {count} elements in {field} (shape {shape}), got {len(values)}")
    return reshape(_array(values, datatype, subject), tensor.shape, subject)


def encode_contents(array: Array) -> InferTensorContents:
    """Write one output tensor; FP16 cannot be."""
    datatype = BY_NUMPY[array.dtype].v2
    values: list[Any] = array.ravel().tolist()
    if datatype == "BYTES":
        values = [text.encode() for text in values]
    contents = InferTensorContents()
    getattr(contents, FIELDS[datatype]).extend(values)
    return contents


def _field(datatype: Datatype, contents: InferTensorContents, subject: str) -> str:
    field = FIELDS.get(datatype.v2)
    if field is None:
        raise BadRequest(f"{subject}: {datatype.v2} has no typed contents: send raw_input_contents")
    for other, _ in contents.ListFields():
        if other.name != field:
            raise BadRequest(f"{subject}: {datatype.v2} travels in {field}, the request has {other.name}")
    return field


def _array(values: Any, datatype: Datatype, subject: str) -> Array:
    if datatype.v2 == "BYTES":
        array: Array = np.empty(len(values), dtype=np.object_)
        array[:] = [decode_text(value, f"{subject}, element {position}") for position, value in enumerate(values)]
        return array
    wide: Array = np.array(values) if len(values) else np.empty(0, datatype.numpy)
    narrow: Array = wide.astype(datatype.numpy, copy=False)
    if narrow.dtype != wide.dtype:
        _check_range(wide, narrow, datatype, subject)
    return narrow


def _check_range(wide: Array, narrow: Array, datatype: Datatype, subject: str) -> None:
    """INT8 and INT16 travel as 32 bits: 300 would arrive as 44."""
    other = wide != narrow
    if other.any():
        position = int(np.argmax(other))
        raise DoesNotFit(f"{subject}, element {position}: {wide[position]} is out of range for {datatype.v2}")


_NOT_OFFERED = ("classification", "shared_memory_region")
"""Parameters of Triton's extensions that change what a tensor means: ignored, the answer would be a wrong one."""
_SOON_DONE = 4096
"""Elements that become Python objects, or are made of them, in well under a millisecond."""


def takes_long_to_read(request: ModelInferRequest) -> bool:
    """Whether other callers would notice if it were read on the event loop. Numbers are read without a look at each."""
    return sum(math.prod(tensor.shape) for tensor in request.inputs if tensor.datatype == "BYTES") > _SOON_DONE


def takes_long_to_write(request: ModelInferRequest, arrays: Mapping[str, Array]) -> bool:
    """The same for the answer; raw numbers are written without a look at each."""
    raw = bool(request.raw_input_contents)
    return sum(array.size for array in arrays.values() if array.dtype.hasobject or not raw) > _SOON_DONE


def decode_feeds(request: ModelInferRequest) -> dict[str, Array]:
    """Return the input tensors by name; nothing is checked against a model yet.

    Raises BadRequest and DoesNotFit, naming the tensor.
    """
    raw = request.raw_input_contents
    if raw and len(raw) != len(request.inputs):
        raise BadRequest(f"raw_input_contents: expected one for each of {len(request.inputs)} inputs, got {len(raw)}")
    feeds: dict[str, Array] = {}
    for position, tensor in enumerate(request.inputs):
        if tensor.name in feeds:
            raise BadRequest(f"input {tensor.name!r} occurs twice")
        _check_parameters(tensor.parameters, f"input {tensor.name!r}")
        feeds[tensor.name] = _decode_raw(tensor, raw[position]) if raw else decode_contents(tensor)
    return feeds


def _decode_raw(tensor: ModelInferRequest.InferInputTensor, data: bytes) -> Array:
    if tensor.contents.ListFields():  # MLServer's client leaves empty ones there
        raise BadRequest(f"input {tensor.name!r}: it has contents and raw_input_contents: send one of them")
    return decode_raw(tensor.name, tensor.datatype, tensor.shape, data)


def requested_outputs(request: ModelInferRequest) -> tuple[str, ...] | None:
    """Names the caller asks for; None: all. Raises BadRequest for a form that is not offered."""
    for output in request.outputs:
        _check_parameters(output.parameters, f"output {output.name!r}")
    return tuple(output.name for output in request.outputs) or None


def _check_parameters(parameters: Iterable[str], subject: str) -> None:
    for name in parameters:
        if name in _NOT_OFFERED:
            raise BadRequest(f"{subject}: the parameter {name!r} is not offered by this server: leave it out")


def encode_response(
    request: ModelInferRequest, identity: ModelIdentity, arrays: Mapping[str, Array]
) -> ModelInferResponse:
    """Answer in the form of the question. One FP16 output makes all of them raw: the protocol has no mixture."""
    response = ModelInferResponse(
        model_name=identity.name,
        model_version=identity.version,
        id=request.id,
        parameters={"digest": InferParameter(string_param=identity.digest)},
    )
    datatypes = {name: BY_NUMPY[array.dtype].v2 for name, array in arrays.items()}
    raw = bool(request.raw_input_contents) or not all(datatype in FIELDS for datatype in datatypes.values())
    for name, array in arrays.items():
        output = response.outputs.add(name=name, datatype=datatypes[name], shape=array.shape)
        if raw:
            response.raw_output_contents.append(encode_raw(array))
        else:
            output.contents.CopyFrom(encode_contents(array))
    return response
