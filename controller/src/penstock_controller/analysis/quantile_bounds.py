"""Between which edges a quantile lies, at every look at once: for people, no verdict follows from it.

The empirical distribution function stays within a distance of the true one for all numbers of tries, with probability
`1 - alpha`: Howard and Ramdas, "Sequential estimation of quantiles", arXiv 1906.09712. Tries are taken for independent
and alike, which a latency over a day is not.
"""

from collections.abc import Mapping
from math import log, sqrt

_FEWEST = 3
"""The iterated logarithm needs a few."""


def distance(tries: int, quantile: float, alpha: float) -> float:
    """How far the share of tries below the quantile may be from it."""
    if tries < _FEWEST:
        return 1.0
    scale = (1.4 * log(log(2.1 * tries)) + log(10 / alpha)) / tries
    return 1.5 * sqrt(quantile * (1 - quantile) * scale) + 0.8 * scale


def quantile_bounds(latencies: Mapping[int, int], quantile: float, alpha: float) -> tuple[int | None, int | None]:
    """The edges that it is at least, and at most; None: too few tries to say. `latencies`: tries by bucket."""
    tries = sum(latencies.values())
    allowed = distance(tries, quantile, alpha)
    least, most, below = None, None, 0
    for bucket in sorted(latencies):
        # The lower edge of a bucket is the one before it, which has `below` tries under it.
        if bucket > 0 and below < (quantile - allowed) * tries:
            least = bucket - 1
        below += latencies[bucket]
        if most is None and below >= (quantile + allowed) * tries:
            most = bucket
    return least, most
