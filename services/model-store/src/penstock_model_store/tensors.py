"""The tensor types that ONNX, numpy and the Open Inference Protocol V2 have in common."""

from typing import Any

import numpy as np

from penstock_contracts.inference import RequestInput, ResponseOutput
from penstock_contracts.model_card import TensorSpec

Array = np.ndarray[Any, np.dtype[Any]]

DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
"""onnxruntime's word to V2's."""

_DTYPES: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(np.object_),
}


def dtype_of(datatype: str) -> np.dtype[Any]:
    """Numpy's type of a V2 datatype; strings are objects."""
    return _DTYPES[datatype]


def array_of(values: Any, spec: TensorSpec) -> Array:
    """Read nested lists as the input's type; raises ValueError or TypeError for values that are not of it."""
    if spec.datatype == "BYTES":
        array = np.asarray(values, dtype=np.object_)
        if not all(isinstance(value, str) for value in array.ravel()):
            raise TypeError(f"input {spec.name} takes strings")
        return array
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"input {spec.name} takes numbers of type {spec.datatype}")
    if array.dtype.kind == "f" and spec.datatype[:2] != "FP" and not np.array_equal(array, np.trunc(array)):
        raise TypeError(f"input {spec.name} takes {spec.datatype}, but its values have fractions")
    with np.errstate(over="ignore"):
        cast = array.astype(dtype_of(spec.datatype))
    if cast.dtype.kind in "iu" and not np.array_equal(cast, array):
        raise TypeError(f"input {spec.name} takes {spec.datatype}, but its values are larger")
    return cast


def request_input(name: str, datatype: str, array: Array) -> RequestInput:
    """The V2 form of an input, row-major and flat."""
    return RequestInput(name=name, shape=array.shape, datatype=datatype, data=array.ravel().tolist())


def response_output(name: str, datatype: str, array: Array, stride: int = 1) -> ResponseOutput:
    """The V2 form of an output, row-major and flat; with a stride, of its shape and with that part of its elements."""
    return ResponseOutput(name=name, shape=array.shape, datatype=datatype, data=array.ravel()[::stride].tolist())
