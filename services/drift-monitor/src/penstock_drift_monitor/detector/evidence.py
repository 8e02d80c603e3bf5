"""Gains of one bet after another, added up over all moments at which drift may have begun. Logarithms throughout.

Shiryaev and Roberts' sum: `M = (M + 1) e` after a block that multiplies a stake by e. If the expectation of e is at
most 1 whatever came before, that of M grows by at most 1 a block. So the mean number of blocks until M first reaches A
is at least A if nothing drifts, however often one looks, and the same holds for a mean of such sums and, among n of
them, for the first to reach n A (Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential
change detection", arXiv 2203.03532). M may be made smaller at any time, at the cost of power alone.
"""

import math
from typing import Final

import numpy as np

from penstock_drift_monitor.detector.sample import Numbers

FAMILIES: Final = 4
"""Of bets on one column: shape, location, spread, quality."""
ROWS_TO_FALSE_ALARM: Final = 500_000
"""Mean number of rows until a resource whose data do not drift alarms: at least this..."""
BLOCKS_TO_FALSE_ALARM: Final = 100
"""...and at least so many blocks: a block may be a day with a million rows."""
HYSTERESIS: Final = 5.0
"""Sums rise no further above the threshold: what was won in a week of drift must not take another week to lose."""


def threshold(columns: int, mean_rows: float) -> float:
    """Log odds from which a family's score is drift, for blocks of so many rows on average."""
    blocks = max(BLOCKS_TO_FALSE_ALARM, ROWS_TO_FALSE_ALARM / max(1.0, mean_rows))
    return math.log(FAMILIES * max(1, columns) * blocks)


def after(sums: Numbers, gains: Numbers) -> Numbers:
    """Sums after a block with these log gains."""
    return np.logaddexp(sums, 0.0) + gains


def kept(sums: Numbers, gains: Numbers, most: float) -> Numbers:
    """As `after`, and no further than `most`. A bet that staked nothing forgets half.

    Such a bet finds recent rows within the margin. Without this it would keep what it won while there was drift.
    """
    return np.minimum(after(sums, np.where(gains == 0.0, -math.log(2), gains)), most)


def averaged(sums: Numbers) -> Numbers:
    """Logarithm of the mean of the sums along the first axis."""
    return np.asarray(np.logaddexp.reduce(sums, axis=0) - math.log(len(sums)), np.float64)
