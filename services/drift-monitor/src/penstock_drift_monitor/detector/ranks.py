"""Bets on location and spread: the mean rank of values in the reference, and the mean distance from the middle rank.

With u the mid-rank of a value's bin (mean 1/2 in the reference) and d a margin, `1 + l (u - 1/2 - d)` is expected to be
at most 1 for each stake l if the mean rank is at most d above the reference's; likewise downwards, and for |2u - 1|.
Nothing has to be learned of the live rows first, so these bets find a moved or widened column in half the rows that the
shape needs (betting on means: Waudby-Smith and Ramdas, arXiv 2010.09686). A bet is linear in the counts' logarithms, so
blocks of a whole period are valid as they are for the shape.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from penstock_drift_monitor.detector import noise
from penstock_drift_monitor.detector.column import BinnedColumn
from penstock_drift_monitor.detector.sample import Numbers

STAKES: Final = (0.25, 0.5, 1.0, 1.7)
"""Of what can be lost in a row, at most the part `MOST`."""
BETS: Final = 2 * len(STAKES)
"""Each stake upwards and downwards."""
MOST: Final = 0.95
PART_OF_MARGIN: Final = 0.6
"""Of the total variation margin: 0.05 there is a mean rank of 0.03 here, a shift of about 0.1 standard deviations."""


def location(columns: Sequence[BinnedColumn], bins: int, margin: float) -> Numbers:
    """Log of what a row in each bin multiplies each stake on the mean rank by: bets x C x K, 0 for texts."""
    return _log_factors(columns, bins, margin, spread=False)


def spread(columns: Sequence[BinnedColumn], bins: int, margin: float) -> Numbers:
    """Likewise for the rank's distance from the middle, from 0 to 1."""
    return _log_factors(columns, bins, margin, spread=True)


def log_gains(counts: Numbers, factors: Numbers) -> Numbers:
    """Log of what a block's counts (C x K) multiply each stake by: bets x C."""
    return np.asarray(np.einsum("bck,ck->bc", factors, counts), np.float64)


def _log_factors(columns: Sequence[BinnedColumn], bins: int, margin: float, *, spread: bool) -> Numbers:
    factors = np.zeros((BETS, len(columns), bins))
    for position, column in enumerate(columns):
        if column.ranks is None or not column.binned:
            continue
        place = np.abs(2 * column.ranks - 1) if spread else column.ranks
        mean = float(column.shares @ place)
        if column.unseen_bin >= 0:
            place = np.where(np.arange(len(place)) == column.unseen_bin, mean, place)
        away = place - mean
        deviation = float(np.sqrt(column.shares @ away**2))
        beyond = max(PART_OF_MARGIN * margin, noise.of_mean(deviation, column.binned))
        for bet, (direction, stake) in enumerate((way, part) for way in (1, -1) for part in STAKES):
            gain = direction * away - beyond
            affordable = min(stake, MOST / max(1e-9, -float(gain.min())))
            factors[bet, position, : len(place)] = np.log1p(affordable * gain)
    return factors
