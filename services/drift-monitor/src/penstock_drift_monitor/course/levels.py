"""Scores of all columns at one moment, a byte for each: thousands of columns take little room for months. Pure."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

STEPS: Final = 100
"""Of the way to the threshold: a score is kept to one hundredth of it, rounded down, so that drift stays drift."""
_MOST: Final = 255


def as_levels(scores: npt.NDArray[np.float64]) -> bytes:
    """Bytes for scores as parts of their thresholds; NaN: the column was not judged. Beyond 2.54 all are alike."""
    known = np.nan_to_num(scores, nan=0.0, posinf=_MOST, neginf=0.0)
    # A hair more: 0.29 * 100 is 28.999999999999996.
    levels = np.clip(np.floor(known * STEPS + 1e-9), 0, _MOST - 1) + 1
    return np.where(np.isnan(scores), 0, levels).astype(np.uint8).tobytes()


def as_scores(levels: bytes) -> list[float | None]:
    """The scores again; None: not judged."""
    return [None if level == 0 else (level - 1) / STEPS for level in levels]


def highest(older: bytes, older_names: Sequence[str], newer: bytes, newer_names: Sequence[str]) -> bytes:
    """For each of the newer columns the higher of two levels: a peak outlasts the point that showed it."""
    if older_names != newer_names:
        known = dict(zip(older_names, older, strict=True))
        older = bytes(known.get(name, 0) for name in newer_names)
    both = np.frombuffer(older, np.uint8), np.frombuffer(newer, np.uint8)
    return np.maximum(*both).tobytes()
