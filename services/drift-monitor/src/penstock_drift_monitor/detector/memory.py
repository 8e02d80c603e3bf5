"""What recent blocks were like, remembered for a shorter and a longer time."""

from typing import Final

import numpy as np

from penstock_drift_monitor.detector.column import Whole
from penstock_drift_monitor.detector.sample import Numbers

BLOCKS: Final = np.array([1.0, 4.0, 16.0, 64.0])
"""A memory of n blocks keeps the part 1 - 1/n of what it had, at each block."""
PRIOR_ROWS: Final = 20.0
"""The reference counts as much as so many recent rows: few rows are a weak reason to bet on anything new."""


def nothing(columns: int, bins: int) -> Numbers:
    """Memories x columns x bins, before any block."""
    return np.zeros((len(BLOCKS), columns, bins))


def after(memories: Numbers, counts: Whole) -> Numbers:
    """With one more block of counts, columns x bins."""
    return memories * (1 - 1 / BLOCKS)[:, np.newaxis, np.newaxis] + counts


def shares(memories: Numbers, reference: Numbers) -> Numbers:
    """Of each bin in recent rows and the reference's 20: memories x C x K. None is 0 where the reference's is not."""
    total = memories.sum(axis=2, keepdims=True) + PRIOR_ROWS
    return np.asarray((memories + PRIOR_ROWS * reference) / total, np.float64)
