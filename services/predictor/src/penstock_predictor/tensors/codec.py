"""Open Inference Protocol V2 over HTTP: a request's bytes to arrays, exactly and with every fault named.

What the protocol leaves open, and what we do (as the other Python servers do):
- NaN and infinities do not exist in JSON: an answer has null for them; a request's null in a float tensor is NaN.
- BYTES elements are JSON strings (UTF-8 text: ONNX strings are).
- Data may be flat or nested as the shape says; anything between is refused.
- With the binary tensor extension a tensor's bytes follow the JSON, in the order of the inputs; JSON and binary tensors
  may be mixed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pydantic import ValidationError

from penstock_contracts.inference import InferRequest, RequestInput
from penstock_predictor.errors import BadRequest, DoesNotFit
from penstock_predictor.tensors.arrays import BY_V2, Array, count_elements, reshape
from penstock_predictor.tensors.binary_tensors import SIZE, BinaryTail, decode_raw
from penstock_predictor.tensors.elements import check_types, convert, json_types

_BINARY_BY_DEFAULT = "binary_data_output"
_BINARY = "binary_data"
_NOT_OFFERED = ("shared_memory_region", "classification")
"""Parameters of Triton's other extensions: to pass over them would give another answer than was asked for."""


@dataclass(frozen=True, kw_only=True)
class InferQuery:
    """A request with its tensors decoded; nothing in it is checked against a model yet."""

    request_id: str | None
    feeds: Mapping[str, Array]
    outputs: tuple[str, ...] | None
    """Names the caller asks for; None: all."""
    binary: Mapping[str, bool]
    """Output to whether it is wanted as bytes, where the request says so for that output."""
    binary_by_default: bool
    """For every other output."""

    def wants_bytes(self, output: str) -> bool:
        """Whether an output goes out as bytes behind the JSON."""
        return self.binary.get(output, self.binary_by_default)


def parse(body: bytes | memoryview) -> InferRequest:
    """Read a request's JSON. Raises BadRequest naming the field."""
    try:
        return InferRequest.model_validate_json(bytes(body), strict=True)
    except ValidationError as error:
        raise BadRequest(describe(error) + _hint(error)) from None


def _hint(error: ValidationError) -> str:
    """Where the body is not V2 at all: which forms are read, and where."""
    where = error.errors(include_url=False, include_input=False, include_context=False)[0]["loc"]
    if where[:1] != ("inputs",) or len(where) > 2:  # noqa: PLR2004 - "inputs", or one of them
        return ""
    return (
        '; expected {"inputs": [{"name": ..., "shape": [...], "datatype": ..., "data": [...]}]}. '
        'Rows are answered at /predict: {"instances": [row, ...]}'
    )


def describe(error: ValidationError) -> str:
    """The first thing that is wrong, as one line, without echoing the input."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = ".".join(map(str, first["loc"]))
    return f"{field}: {first['msg']}" if field else f"the body is not a valid request: {first['msg']}"


def decode(request: InferRequest, tail: BinaryTail | None = None) -> InferQuery:
    """Turn a parsed request's tensors into arrays; `tail` is what followed its JSON.

    Raises DoesNotFit naming tensor and element, BadRequest where JSON and bytes contradict each other.
    """
    feeds: dict[str, Array] = {}
    for tensor in request.inputs:
        if tensor.name in feeds:
            raise DoesNotFit(f"input {tensor.name!r} occurs twice")
        feeds[tensor.name] = decode_tensor(tensor, tail)
    if tail is not None:
        tail.check_empty()
    outputs = request.outputs or ()
    for output in outputs:
        _check_parameters(output.parameters, f"output {output.name!r}")
    return InferQuery(
        request_id=request.id,
        feeds=feeds,
        outputs=tuple(output.name for output in outputs) or None,
        binary={
            output.name: _flag(output.parameters or {}, _BINARY)
            for output in outputs
            if _BINARY in (output.parameters or {})
        },
        binary_by_default=_flag(request.parameters or {}, _BINARY_BY_DEFAULT),
    )


def _flag(parameters: Mapping[str, Any], name: str) -> bool:
    value = parameters.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"parameter {name!r}: expected true or false")
    return value


def _check_parameters(parameters: Mapping[str, Any] | None, subject: str) -> None:
    if str((parameters or {}).get("content_type", "")).lower() == "base64":
        raise DoesNotFit(
            f"{subject}: content_type 'base64' is not read: "
            "send text as strings, or bytes by the binary tensor extension"
        )
    for name in _NOT_OFFERED:
        if name in (parameters or {}):
            raise DoesNotFit(f"{subject}: parameter {name!r} is not offered by this server")


def decode_tensor(tensor: RequestInput, tail: BinaryTail | None = None) -> Array:
    """Turn one tensor into an array of its shape. Raises DoesNotFit, BadRequest."""
    subject = f"input {tensor.name!r}"
    _check_parameters(tensor.parameters, subject)
    if SIZE in (tensor.parameters or {}):
        return _decode_binary(tensor, tail, subject)
    datatype = BY_V2.get(tensor.datatype)
    if datatype is None:
        raise DoesNotFit(f"{subject}: unknown datatype {tensor.datatype!r}: use one of {', '.join(BY_V2)}")
    values = _flat(tensor.data, tensor.shape, subject)

    def where(position: int) -> str:
        return f"{subject}, element {position}"

    check_types(values, json_types(datatype), where)
    return reshape(convert(values, datatype, where), tensor.shape, subject)


def _decode_binary(tensor: RequestInput, tail: BinaryTail | None, subject: str) -> Array:
    if tail is None:
        raise BadRequest(f"{subject}: has {SIZE}, but the request has no header Inference-Header-Content-Length")
    if tensor.data:
        raise BadRequest(f"{subject}: has both data and {SIZE}: send one of them")
    data = tail.take((tensor.parameters or {})[SIZE], subject)
    return decode_raw(tensor.name, tensor.datatype, tensor.shape, data)


def _flat(data: list[Any], shape: tuple[int, ...], subject: str) -> list[Any]:
    """The elements in row-major order, from flat data or from lists nested exactly as the shape says."""
    expected = count_elements(shape, subject)
    values = data
    if values and type(values[0]) is list:
        _check_length(len(values), shape[0] if shape else 1, subject)
        for dimension in shape[1:]:
            values = _unnest(values, dimension, subject)
    _check_length(len(values), expected, subject, shape)
    return values


def _unnest(rows: list[Any], dimension: int, subject: str) -> list[Any]:
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {dimension}:
        raise DoesNotFit(
            f"{subject}: nested data does not have the stated shape: every list needs {dimension} items here"
        )
    return list(chain.from_iterable(rows))


def _check_length(actual: int, expected: int, subject: str, shape: tuple[int, ...] | None = None) -> None:
    if actual != expected:
        because = f" (shape {list(shape)})" if shape is not None else " in its first dimension"
        raise DoesNotFit(f"{subject}: expected {expected} elements{because}, got {actual}")
