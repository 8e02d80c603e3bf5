"""The tensor types of the Open Inference Protocol, with their numpy and ONNX names."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Datatype:
    """A tensor element type under its three names."""

    v2: str
    numpy: np.dtype[np.generic]
    onnx: str

    @property
    def is_float(self) -> bool:
        """Whether it has a NaN, which is how a missing value travels."""
        return self.numpy.kind == "f"


_TABLE = (
    Datatype("BOOL", np.dtype(np.bool_), "tensor(bool)"),
    Datatype("UINT8", np.dtype(np.uint8), "tensor(uint8)"),
    Datatype("UINT16", np.dtype(np.uint16), "tensor(uint16)"),
    Datatype("UINT32", np.dtype(np.uint32), "tensor(uint32)"),
    Datatype("UINT64", np.dtype(np.uint64), "tensor(uint64)"),
    Datatype("INT8", np.dtype(np.int8), "tensor(int8)"),
    Datatype("INT16", np.dtype(np.int16), "tensor(int16)"),
    Datatype("INT32", np.dtype(np.int32), "tensor(int32)"),
    Datatype("INT64", np.dtype(np.int64), "tensor(int64)"),
    Datatype("FP16", np.dtype(np.float16), "tensor(float16)"),
    Datatype("FP32", np.dtype(np.float32), "tensor(float)"),
    Datatype("FP64", np.dtype(np.float64), "tensor(double)"),
    Datatype("BYTES", np.dtype(np.object_), "tensor(string)"),
)

BY_V2 = {datatype.v2: datatype for datatype in _TABLE}
BY_ONNX = {datatype.onnx: datatype for datatype in _TABLE}
BY_NUMPY = {datatype.numpy: datatype for datatype in _TABLE}
