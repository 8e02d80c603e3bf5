"""Values by column, as they come from a reference sample or from live rows."""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
"""NaN is missing, an infinity is non-finite."""
Texts = Sequence[str | None]
"""None is missing."""
Values = Numbers | Texts
Sample = Mapping[str, Values]
"""Column name to its values, equally many in each column."""


def are_numbers(values: Values) -> TypeGuard[Numbers]:
    """Whether these are numbers. An array of objects is texts."""
    return isinstance(values, np.ndarray) and values.dtype.kind in "fiub"


def number_of_rows(sample: Sample) -> int:
    """Of all columns; 0 without columns.

    Raises:
        ValueError: A column has another number of values than the first one, or more than one dimension.
    """
    lengths = {name: len(values) for name, values in sample.items()}
    rows = next(iter(lengths.values()), 0)
    for name, length in lengths.items():
        if length != rows:
            raise ValueError(f"column {name!r} has {length} values, the column before has {rows}: give all as many")
    for name, values in sample.items():
        if isinstance(values, np.ndarray) and values.ndim != 1:
            raise ValueError(f"column {name!r} has {values.ndim} dimensions: give one value a row")
    return rows


def text_or_missing(value: object) -> str | None:
    """A text; None is a missing value. NaN among texts is missing too, anything else is its text: 7 is "7"."""
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return None
    return value if isinstance(value, str) else str(value)
