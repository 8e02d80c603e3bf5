"""Columns as a report takes them: numbers, or categories of which there are not too many."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from penstock_drift_monitor.reports.look_alikes import look_alikes

Values: TypeAlias = Sequence[float] | Sequence[str | None] | NDArray[Any]
"""One column's rows: numbers (NaN: missing), booleans, or text (None: missing)."""


class Numbers(msgspec.Struct, frozen=True, tag=True):
    """A column of numbers."""

    float64: bytes
    """One for each row, little-endian. An infinity is NaN, too: Evidently counts neither."""


class Categories(msgspec.Struct, frozen=True, tag=True):
    """A column of categories, by their place in a list."""

    names: tuple[str, ...]
    """Made safe, and distinct."""
    int32: bytes
    """One place in `names` for each row, little-endian; -1: missing."""


def pair(
    reference: Values, current: Values, categories: int
) -> tuple[Numbers, Numbers] | tuple[Categories, Categories]:
    """One column of both samples, in one and the same form; both are text where one of them is.

    Of categories the most frequent are kept, `categories` of them; the rest become one.
    """
    numbers = _numbers(reference), _numbers(current)
    if numbers[0] is not None and numbers[1] is not None:
        return _packed(numbers[0]), _packed(numbers[1])
    texts = _texts(reference), _texts(current)
    names = _names(texts, categories)
    listed = tuple(dict.fromkeys(names.values()))
    places = {name: place for place, name in enumerate(listed)}
    return _placed(texts[0], names, places), _placed(texts[1], names, places)


def has_a_value(column: Numbers | Categories) -> bool:
    """Whether any row is neither missing nor an infinity."""
    match column:
        case Numbers(float64=packed):
            return bool(np.isfinite(np.frombuffer(packed, "<f8")).any())
        case Categories(int32=packed):
            return bool((np.frombuffer(packed, "<i4") >= 0).any())


def thinned(rows: int, most: int) -> NDArray[np.int64]:
    """Give the places of at most `most` rows, evenly spread over all."""
    if rows <= most:
        return np.arange(rows, dtype=np.int64)
    return np.arange(most, dtype=np.int64) * rows // most


def taken(values: Values, places: NDArray[np.int64]) -> Values:
    """Give the rows at these places."""
    if isinstance(values, np.ndarray):
        return values[places]
    return cast("Values", [values[place] for place in places.tolist()])


def _numbers(values: Values) -> NDArray[np.float64] | None:
    """None: these are no numbers. Booleans are not."""
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        return values.astype(np.float64)
    if isinstance(values, np.ndarray) and values.dtype.kind == "b":
        return None
    if any(not _is_number(value) for value in values):
        return None
    return np.array([math.nan if value is None else _float(value) for value in values], dtype=np.float64)


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | np.number) and not isinstance(value, bool))


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _texts(values: Values) -> list[str | None]:
    return [_text(value) for value in values]


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return str(value)


def _names(texts: Iterable[list[str | None]], most: int) -> dict[str, str]:
    """What each text is called: itself, made safe, or what all the rarer ones are called."""
    counts: Counter[str] = Counter()
    for column in texts:
        counts.update(text for text in column if text is not None)
    ordered = sorted(counts, key=lambda text: (-counts[text], text))
    if len(ordered) <= most:
        return look_alikes(ordered)
    rest = f"(other: {len(ordered) - most + 1} values)"
    named = look_alikes([rest, *(text for text in ordered[: most - 1] if text != rest)])
    return {text: named.get(text, rest) if text != rest else rest for text in ordered}


def _packed(numbers: NDArray[np.float64]) -> Numbers:
    return Numbers(np.where(np.isfinite(numbers), numbers, np.nan).astype("<f8").tobytes())


def _placed(texts: list[str | None], names: dict[str, str], places: dict[str, int]) -> Categories:
    rows = [-1 if text is None else places[names[text]] for text in texts]
    return Categories(tuple(places), np.array(rows, dtype="<i4").tobytes())
