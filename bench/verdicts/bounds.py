"""What the tables are compared with: an upper bound of a share, and Wald's bound on the tries until a verdict."""

from collections.abc import Callable
from math import exp, lgamma, log, log1p


def upper_bound(hits: int, runs: int, level: float = 0.95) -> float:
    """Clopper and Pearson's one-sided bound: a larger share would have so few hits with less than 1 - `level`."""
    if not 0 <= hits <= runs or not runs:
        raise ValueError(f"of at least one run some are hits, not {hits} of {runs}")
    if hits == runs:
        return 1.0
    return _bisected(lambda share: _at_most(hits, runs, share) < 1 - level, 0.0, 1.0)


def _at_most(hits: int, runs: int, share: float) -> float:
    """Probability of at most so many hits."""
    if share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    ways = (lgamma(runs + 1) - lgamma(k + 1) - lgamma(runs - k + 1) for k in range(hits + 1))
    return sum(exp(way + k * log(share) + (runs - k) * log1p(-share)) for k, way in enumerate(ways))


def _bisected(too_far: Callable[[float], bool], low: float, high: float) -> float:
    """Where it begins to be so."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if too_far(middle) else (middle, high)
    return high


def wald(*, candidate: float, stable: float, margin: float, weight: float, alpha: float) -> float:
    """Tries of the candidate that any test of this error level needs in the mean, with stable beside it.

    `candidate`, `stable`: true failure rates; `weight`: the candidate's share of the requests. The growth of the odds
    by a try of the candidate, and the tries of stable that come with it, is at most the divergence from the nearest
    point at which the candidate is worse by just the margin.
    """
    beside = (1 - weight) / weight

    def growth(rate: float) -> float:
        return _divergence(candidate, rate + margin) + beside * _divergence(stable, rate)

    low, high = 0.0, 1 - margin
    for _ in range(200):
        one, two = low + (high - low) / 3, high - (high - low) / 3
        low, high = (low, two) if growth(one) < growth(two) else (one, high)
    return -log(alpha) / growth((low + high) / 2)


def _divergence(true: float, other: float) -> float:
    """Kullback and Leibler's, of one yes or no."""
    other = min(max(other, 1e-15), 1 - 1e-15)
    failed = true * log(true / other) if true else 0.0
    return failed + ((1 - true) * log((1 - true) / (1 - other)) if true < 1 else 0.0)
