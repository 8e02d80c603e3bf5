"""Is the mean of differences, each from 0 to 1, above a limit, or below it?

A bet with stake l pays 1 + l (D - limit) for each difference D. As long as the mean is not above the limit, whatever
came before, the product of what was paid reaches 1/alpha with probability alpha at most, however often one looks
(Waudby-Smith and Ramdas, Estimating means of bounded random variables by betting, 2024). Nothing else is assumed of
the differences. Stakes are fixed before the first pair, and the product does not depend on the order of the pairs: so
counts are all that has to be kept.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf, log, log1p

_ABOVE = (0.03, 0.07, 0.12, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 0.95)
"""Means that are bet on, on the way from the limit to 1 in equal factors."""
_BELOW = (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8)
"""Means that are bet on, as parts of the limit. Half of the money is on the first."""

_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class DifferenceCount:
    """Pairs whose differences lie between two values."""

    low: float
    high: float
    pairs: int


@dataclass(frozen=True, slots=True)
class PairedMean:
    """What pairs say of their mean difference."""

    limit: float
    """Within (0, 1)."""
    counts: Sequence[DifferenceCount]

    @property
    def log_odds_above(self) -> float:
        """Natural logarithm of the odds that the mean is above the limit. Each difference counts as its lowest."""
        seen = [(count.low, count.pairs) for count in self.counts]
        bets = [log_wealth(seen, self.limit, stake_on(mean, self.limit)) for mean in _means_above(self.limit)]
        return log_mean(bets, [1 / len(bets)] * len(bets))

    @property
    def log_odds_below(self) -> float:
        """Natural logarithm of the odds that it is below the limit. Each difference counts as its highest."""
        seen = [(count.high, count.pairs) for count in self.counts]
        bets = [log_wealth(seen, self.limit, stake_on(part * self.limit, self.limit)) for part in _BELOW]
        others = 0.5 / (len(bets) - 1)
        return log_mean(bets, [0.5, *([others] * (len(bets) - 1))])


def pairs_to_show_below(limit: float, mean: float, level: float) -> int | None:
    """Pairs that are likely to show a mean to be below the limit; None: it is too close to it, or above."""
    best = max(_gain(mean, limit, part * limit) for part in _BELOW)
    if mean >= limit or best <= 0:
        return None
    return int((log(1 / level) + log(2 * len(_BELOW) if mean else 2)) / best) + 1


def stake_on(mean: float, limit: float) -> float:
    """The stake that grows fastest where differences are 0 or 1 with this mean; below 0: on a mean below the limit."""
    return (mean - limit) / (limit * (1 - limit))


def log_wealth(differences: Iterable[tuple[float, float]], limit: float, stake: float) -> float:
    """What a stake of 1 has become, as a natural logarithm. `differences`: each with how many pairs have it."""
    return sum(pairs * _log(1 + stake * (value - limit)) for value, pairs in differences if pairs)


def log_mean(logs: Sequence[float], weights: Sequence[float]) -> float:
    """Logarithm of the weighted mean of what logarithms are given of."""
    highest = max(logs)
    if highest == -inf:
        return -inf
    return highest + log(sum(weight * exp(each - highest) for each, weight in zip(logs, weights, strict=True)))


def _means_above(limit: float) -> Iterator[float]:
    yield from (limit ** (1 - part) for part in _ABOVE)


def _gain(mean: float, limit: float, believed: float) -> float:
    """What a bet on a mean gives for each pair, where differences are 0 or 1 with another."""
    stake = stake_on(believed, limit)
    lost = mean * _log(1 + stake * (1 - limit)) if mean else 0.0
    return lost + (1 - mean) * log1p(-stake * limit)


def _log(paid: float) -> float:
    """Of what is paid: nothing, but for rounding, where all was at stake."""
    return log(paid) if paid > _NOTHING else -inf
