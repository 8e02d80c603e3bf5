"""ModelInfer's messages to tensors and back."""

import math
from collections.abc import Iterable, Mapping

from penstock_predictor.errors import BadRequest
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.rpc.contents import FIELDS, decode_contents, encode_contents
from penstock_predictor.rpc.open_inference_pb2 import InferParameter, ModelInferRequest, ModelInferResponse
from penstock_predictor.tensors.datatypes import BY_NUMPY, Array
from penstock_predictor.tensors.raw_tensors import decode_raw, encode_raw

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


def asked_outputs(request: ModelInferRequest) -> tuple[str, ...] | None:
    """Names the caller asks for; None: all. Raises BadRequest for a form that is not offered."""
    for output in request.outputs:
        _check_parameters(output.parameters, f"output {output.name!r}")
    return tuple(output.name for output in request.outputs) or None


def _check_parameters(parameters: Iterable[str], said: str) -> None:
    for name in parameters:
        if name in _NOT_OFFERED:
            raise BadRequest(f"{said}: the parameter {name!r} is not offered by this server: leave it out")


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
