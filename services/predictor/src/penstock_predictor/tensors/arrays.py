"""What a tensor of a request may be: its element type under its three names, and its shape."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock_predictor.errors import DoesNotFit

Array = npt.NDArray[np.generic]
MAX_RANK = 32
_ADDRESSABLE = 2**63
"""Bytes that no array can have, so elements that no shape may promise."""


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


def count_elements(shape: Sequence[int], subject: str) -> int:
    """How many elements a shape has, before memory is taken for them. `subject` names the tensor in messages.

    Raises DoesNotFit for a negative dimension, for too many of them, and for more elements than memory has addresses.
    """
    if len(shape) > MAX_RANK:
        raise DoesNotFit(f"{subject}: {len(shape)} dimensions: at most {MAX_RANK} are served")
    if any(dimension < 0 for dimension in shape):
        raise DoesNotFit(f"{subject}: shape {list(shape)} has a negative dimension: a request states its real shape")
    count = math.prod(shape)
    if count >= _ADDRESSABLE:
        raise _too_large(shape, subject)
    return count


def reshape(array: Array, shape: Sequence[int], subject: str) -> Array:
    """The elements, of which there are as many as the shape has, in that shape. Raises DoesNotFit."""
    try:
        return array.reshape(tuple(shape))
    except (ValueError, OverflowError):  # no elements, and other dimensions beyond all memory: [0, 10**30]
        raise _too_large(shape, subject) from None


def _too_large(shape: Sequence[int], subject: str) -> DoesNotFit:
    return DoesNotFit(f"{subject}: shape {list(shape)} is larger than any array")


def fits(shape: tuple[int, ...], pattern: tuple[int, ...]) -> bool:
    """Whether a shape has the pattern's rank and its fixed dimensions.

    An empty pattern fits everything: onnxruntime says it of a scalar and of a tensor without a stated rank alike, and
    checks the scalar itself.
    """
    if not pattern:
        return True
    if len(shape) != len(pattern):
        return False
    return all(want in (-1, have) for have, want in zip(shape, pattern, strict=True))
