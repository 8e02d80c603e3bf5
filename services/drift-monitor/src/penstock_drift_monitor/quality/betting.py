"""A confidence sequence for the mean of bounded values: an interval that holds however often one looks.

Against "the mean is at most m" one bets that values are higher: for values y in [0, 1] and a stake l in (0, 1], the
wealth is multiplied by 1 + l (y - m) / m, whose expectation is at most 1 when the mean is at most m. Wealth averaged
over fixed stakes is a nonnegative supermartingale, so it ever reaches 2 / alpha with probability alpha / 2 at most
(Ville). The lower end is the smallest m against which the bet has not won; the upper end likewise, with bets on lower
values. (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", arXiv 2010.09686; fixed
stakes in place of their adaptive ones, so that the result does not depend on the order of the values.)
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

STAKES: Final = np.geomspace(0.004, 0.97, 14)
"""From those that win on small differences in many values to those that win on large ones in few."""
_STEPS: Final = 30
"""Halvings of [0, 1]: the ends are exact to one billionth."""
_BINS: Final = 4096
"""Values beyond as many are rounded, outwards, into so many bins: an interval takes as long for any number of them."""


def interval(values: Floats, *, bound: float = 1.0, alpha: float = 0.05) -> tuple[float, float]:
    """Ends of the interval for the mean of `values`, which lie in [-bound, bound].

    Values must be independent, or each have the same mean given those before. No values: the whole range. The mean lies
    between the ends at every look with probability 1 - alpha at least. Raises ValueError for values beyond the bound.
    """
    if not len(values):
        return -bound, bound
    if not np.all(np.abs(values) <= bound * (1 + 1e-12)):
        raise ValueError(f"a value lies beyond the bound {bound}: clip values first")
    unit = np.clip((values / bound + 1) / 2, 0, 1)
    low = _lowest(*_counted(unit, np.floor), alpha)
    high = 1 - _lowest(*_counted(1 - unit, np.floor), alpha)
    return (2 * low - 1) * bound, (2 * high - 1) * bound


def _counted(unit: Floats, rounded: np.ufunc) -> tuple[Floats, Floats]:
    """Distinct values with their numbers. Rounding down makes the bet lose a little, so it stays fair."""
    coarse = rounded(unit * _BINS) / _BINS if len(unit) > _BINS else unit
    values, counts = np.unique(coarse, return_counts=True)
    return values, counts.astype(np.float64)


def _lowest(values: Floats, counts: Floats, alpha: float) -> float:
    """Smallest m against which betting on higher values has not won. Wealth falls as m rises, so halving finds it."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if log_wealth(values, counts, middle) >= math.log(2 / alpha):
            low = middle
        else:
            high = middle
    return low


def log_wealth(values: Floats, counts: Floats, mean: float) -> float:
    """Logarithm of the wealth, averaged over the stakes, of betting that values in [0, 1] are above `mean` (> 0)."""
    gains = np.log1p(STAKES[:, np.newaxis] * (values / mean - 1)) @ counts
    top = float(gains.max())
    return top + math.log(float(np.mean(np.exp(gains - top))))
