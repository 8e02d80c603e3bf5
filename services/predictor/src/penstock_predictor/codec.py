"""Open Inference Protocol V2 in JSON: bytes to arrays and back.

What the protocol leaves open, and what we do (as the other Python servers do):
- NaN and infinities do not exist in JSON: an answer has null for them; a request's null in a float tensor is NaN.
- BYTES elements are JSON strings (UTF-8 text: ONNX strings are).
- Data may be flat or nested as the shape says; anything between is refused.
- The binary tensor extension is not offered, so a request that uses it is refused.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from penstock_contracts.inference import InferRequest, RequestInput, ResponseOutput
from penstock_predictor.datatypes import BY_NUMPY, BY_V2, Array
from penstock_predictor.elements import check_types, convert, json_types
from penstock_predictor.errors import BadRequest
from penstock_predictor.identity import ModelIdentity

MAX_RANK = 32


@dataclass(frozen=True, kw_only=True)
class InferCall:
    """A request with its tensors decoded; nothing in it is checked against a model yet."""

    request_id: str | None
    feeds: Mapping[str, Array]
    outputs: tuple[str, ...] | None
    """Names the caller asks for; None: all."""


def parse(body: bytes) -> InferRequest:
    """Read a request's JSON. Raises BadRequest naming the field.

    One pass of Pydantic over the bytes costs little more than parsing alone (measured: 7 us instead of 3 for a row of
    30 numbers, 27 ms instead of 19 for 300,000); `data` is a list of anything to it: `elements` judges those.
    """
    try:
        return InferRequest.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise BadRequest(describe(error)) from None


def describe(error: ValidationError) -> str:
    """The first thing that is wrong, as one line, without echoing the input."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(map(str, first["loc"]))
    return f"{field}: {first['msg']}" if field else f"the body is not a valid request: {first['msg']}"


def decode(request: InferRequest) -> InferCall:
    """Turn a parsed request's tensors into arrays. Raises BadRequest naming tensor and element."""
    feeds: dict[str, Array] = {}
    for tensor in request.inputs:
        if tensor.name in feeds:
            raise BadRequest(f"input {tensor.name!r} occurs twice")
        feeds[tensor.name] = decode_tensor(tensor)
    asked = tuple(output.name for output in request.outputs or ())
    return InferCall(request_id=request.id, feeds=feeds, outputs=asked or None)


def decode_tensor(tensor: RequestInput) -> Array:
    """Turn one tensor into an array of its shape. Raises BadRequest."""
    said = f"input {tensor.name!r}"
    datatype = BY_V2.get(tensor.datatype)
    if datatype is None:
        raise BadRequest(f"{said}: unknown datatype {tensor.datatype!r}: use one of {', '.join(BY_V2)}")
    if "binary_data_size" in (tensor.parameters or {}):
        raise BadRequest(f"{said}: binary tensors are not offered by this server: send JSON data")
    _check_shape(tensor.shape, said)
    values = _flat(tensor.data, tensor.shape, said)

    def where(position: int) -> str:
        return f"{said}, element {position}"

    check_types(values, json_types(datatype), where)
    try:
        return convert(values, datatype, where).reshape(tensor.shape)
    except (ValueError, OverflowError):  # no elements, and other dimensions beyond all memory: [0, 10**30]
        raise BadRequest(f"{said}: shape {list(tensor.shape)} is larger than any array") from None


def _check_shape(shape: tuple[int, ...], said: str) -> None:
    if len(shape) > MAX_RANK:
        raise BadRequest(f"{said}: {len(shape)} dimensions: at most {MAX_RANK} are served")
    if any(dimension < 0 for dimension in shape):
        raise BadRequest(f"{said}: shape {list(shape)} has a negative dimension: a request states its real shape")


def _flat(data: list[Any], shape: tuple[int, ...], said: str) -> list[Any]:
    """The elements in row-major order, from flat data or from lists nested exactly as the shape says."""
    values = data
    if values and type(values[0]) is list:
        _check_length(len(values), shape[0] if shape else 1, said)
        for dimension in shape[1:]:
            values = _unnest(values, dimension, said)
    _check_length(len(values), math.prod(shape), said, shape)
    return values


def _unnest(rows: list[Any], dimension: int, said: str) -> list[Any]:
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {dimension}:
        raise BadRequest(f"{said}: nested data does not have the stated shape: every list needs {dimension} items here")
    return list(chain.from_iterable(rows))


def _check_length(actual: int, expected: int, said: str, shape: tuple[int, ...] | None = None) -> None:
    if actual != expected:
        because = f" (shape {list(shape)})" if shape is not None else " in its first dimension"
        raise BadRequest(f"{said}: expected {expected} elements{because}, got {actual}")


def encode(identity: ModelIdentity, request_id: str | None, arrays: Mapping[str, Array]) -> bytes:
    """The answer as strict JSON, made from plain values: the contract's models would cost as much again."""
    answer: dict[str, Any] = {"model_name": identity.name, "model_version": identity.version}
    if request_id is not None:
        answer["id"] = request_id
    answer["parameters"] = {"digest": identity.digest}
    answer["outputs"] = [_output(name, array) for name, array in arrays.items()]
    return to_json(answer, inf_nan_mode="null")


def _output(name: str, array: Array) -> dict[str, Any]:
    datatype = BY_NUMPY[array.dtype].v2
    return {"name": name, "datatype": datatype, "shape": array.shape, "data": array.ravel().tolist()}


def output_array(output: ResponseOutput) -> Array:
    """An answer's tensor as an array: how a golden answer is read back. Raises BadRequest."""
    return decode_tensor(RequestInput.model_validate(output.model_dump()))
