"""What a request may say about a tensor's shape, before any memory is taken for it."""

import math
from collections.abc import Sequence

from penstock_predictor.errors import DoesNotFit
from penstock_predictor.tensors.datatypes import Array

MAX_RANK = 32
_ADDRESSABLE = 2**63
"""Bytes that no array can have, so elements that no shape may promise."""


def count_elements(shape: Sequence[int], said: str) -> int:
    """How many elements a shape has. `said` names the tensor in messages.

    Raises DoesNotFit for a negative dimension, for too many of them, and for more elements than memory has addresses.
    """
    if len(shape) > MAX_RANK:
        raise DoesNotFit(f"{said}: {len(shape)} dimensions: at most {MAX_RANK} are served")
    if any(dimension < 0 for dimension in shape):
        raise DoesNotFit(f"{said}: shape {list(shape)} has a negative dimension: a request states its real shape")
    count = math.prod(shape)
    if count >= _ADDRESSABLE:
        raise _too_large(shape, said)
    return count


def reshaped(array: Array, shape: Sequence[int], said: str) -> Array:
    """The elements, of which there are as many as the shape has, in that shape. Raises DoesNotFit."""
    try:
        return array.reshape(tuple(shape))
    except (ValueError, OverflowError):  # no elements, and other dimensions beyond all memory: [0, 10**30]
        raise _too_large(shape, said) from None


def _too_large(shape: Sequence[int], said: str) -> DoesNotFit:
    return DoesNotFit(f"{said}: shape {list(shape)} is larger than any array")


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
