"""Tensors as protobuf's repeated fields: `contents` and arrays."""

from typing import Any

import numpy as np

from penstock_predictor.errors import BadRequest, DoesNotFit
from penstock_predictor.rpc.open_inference_pb2 import InferTensorContents, ModelInferRequest
from penstock_predictor.tensors.datatypes import BY_NUMPY, BY_V2, Array, Datatype
from penstock_predictor.tensors.raw_tensors import text_of
from penstock_predictor.tensors.shapes import count_elements, reshaped

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
    said = f"input {tensor.name!r}"
    datatype = BY_V2.get(tensor.datatype)
    if datatype is None:
        raise BadRequest(f"{said}: unknown datatype {tensor.datatype!r}: use one of {', '.join(BY_V2)}")
    field = _field(datatype, tensor.contents, said)
    values = getattr(tensor.contents, field)
    count = count_elements(tensor.shape, said)
    if len(values) != count:
        shape = list(tensor.shape)
        raise DoesNotFit(f"{said}: expected {count} elements in {field} (shape {shape}), got {len(values)}")
    return reshaped(_array(values, datatype, said), tensor.shape, said)


def encode_contents(array: Array) -> InferTensorContents:
    """Write one output tensor; FP16 cannot be."""
    datatype = BY_NUMPY[array.dtype].v2
    values: list[Any] = array.ravel().tolist()
    if datatype == "BYTES":
        values = [text.encode() for text in values]
    contents = InferTensorContents()
    getattr(contents, FIELDS[datatype]).extend(values)
    return contents


def _field(datatype: Datatype, contents: InferTensorContents, said: str) -> str:
    field = FIELDS.get(datatype.v2)
    if field is None:
        raise BadRequest(f"{said}: {datatype.v2} has no typed contents: send raw_input_contents")
    for other, _ in contents.ListFields():
        if other.name != field:
            raise BadRequest(f"{said}: {datatype.v2} travels in {field}, the request has {other.name}")
    return field


def _array(values: Any, datatype: Datatype, said: str) -> Array:
    if datatype.v2 == "BYTES":
        array: Array = np.empty(len(values), dtype=np.object_)
        array[:] = [text_of(value, f"{said}, element {position}") for position, value in enumerate(values)]
        return array
    wide: Array = np.array(values) if len(values) else np.empty(0, datatype.numpy)
    narrow: Array = wide.astype(datatype.numpy, copy=False)
    if narrow.dtype != wide.dtype:
        _check_range(wide, narrow, datatype, said)
    return narrow


def _check_range(wide: Array, narrow: Array, datatype: Datatype, said: str) -> None:
    """INT8 and INT16 travel as 32 bits: 300 would arrive as 44."""
    other = wide != narrow
    if other.any():
        position = int(np.argmax(other))
        raise DoesNotFit(f"{said}, element {position}: {wide[position]} is out of range for {datatype.v2}")
