"""Lists of JSON values to numpy, strictly: numpy alone would read "1.5" as a number and 1.5 as the integer 1."""

from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any

import numpy as np

from penstock_predictor.errors import DoesNotFit
from penstock_predictor.tensors.arrays import Array, Datatype

Where = Callable[[int], str]
"""Names the element at a position of the list, for messages: "input 'x', element 3"."""

JsonTypes = frozenset[type]
"""Python types that a JSON value may arrive as."""

BOOL: JsonTypes = frozenset({bool})
INT: JsonTypes = frozenset({int})
NUMBER: JsonTypes = frozenset({int, float, NoneType})
"""A null is NaN, a missing value."""
STRING: JsonTypes = frozenset({str})
_WORDS = {BOOL: "true or false", INT: "an integer", NUMBER: "a number or null", STRING: "a string"}


def json_types(datatype: Datatype) -> JsonTypes:
    """Python types that JSON values of this datatype arrive as. A null in a float tensor is NaN, a missing value."""
    match datatype.numpy.kind:
        case "b":
            return BOOL
        case "i" | "u":
            return INT
        case "f":
            return NUMBER
        case _:
            return STRING


def check_types(values: Sequence[Any], allowed: JsonTypes, where: Where) -> None:
    """Raise DoesNotFit for the first value of another type."""
    if set(map(type, values)) <= allowed:
        return
    position, value = next((i, value) for i, value in enumerate(values) if type(value) not in allowed)
    raise DoesNotFit(f"{where(position)}: expected {_WORDS[allowed]}, got {_shorten(value)}")


def convert(values: Sequence[Any], datatype: Datatype, where: Where) -> Array:
    """Turn values, whose types were checked, into a flat array. Raises DoesNotFit for one out of the type's range."""
    try:
        with np.errstate(over="ignore"):
            array: Array = np.array(values, dtype=datatype.numpy)
    except OverflowError:
        raise _out_of_range(values, datatype, where) from None
    if datatype.is_float and not np.isfinite(array).all():
        _check_only_nulls(values, array, datatype, where)
    return array


def _check_only_nulls(values: Sequence[Any], array: Array, datatype: Datatype, where: Where) -> None:
    """1e39 as FP32 is infinite, and so is the literal Infinity that some encoders write: neither is JSON's."""
    for position in np.flatnonzero(~np.isfinite(array)):
        value = values[int(position)]
        if value is not None:
            hint = f"{_shorten(value)} is not a finite {datatype.v2}; write null for a missing value"
            raise DoesNotFit(f"{where(int(position))}: {hint}")


def _out_of_range(values: Sequence[Any], datatype: Datatype, where: Where) -> DoesNotFit:
    for position, value in enumerate(values):
        try:
            np.array(value, dtype=datatype.numpy)
        except OverflowError:
            return DoesNotFit(f"{where(position)}: {_shorten(value)} is out of range for {datatype.v2}")
    raise AssertionError("an array overflowed, but none of its elements does")


def _shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 - enough to recognise the value
