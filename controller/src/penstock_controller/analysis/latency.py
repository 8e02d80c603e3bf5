"""The gates `latency-p50`, `latency-p90`, `latency-p99`: is the candidate more than a margin slower than stable?

Stable's quantile q is taken from earlier blocks. Of a block it is counted how many of stable's tries took longer than
q, and how many of the candidate's took longer than q and the margin. A candidate that is at most the margin slower
exceeds its threshold no more often than stable does, whatever q is and however latencies change for both. So that is
the null hypothesis of the error-rate test with margin 0, and "longer than the threshold" is the failure.

Latencies are known by their bucket only. What would decide against somebody is read from the other side: for `fail` the
candidate's threshold is the next edge above q and the margin, for `pass` the next edge below it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, log
from typing import Self

from penstock_contracts.latency_buckets import RATIO
from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.counts import Block
from penstock_controller.analysis.error_rate import ErrorRateLimits, ErrorRateTest
from penstock_controller.analysis.margin import Margin

_EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class LatencyMargins:
    """How much slower a candidate may be: 0.2 is a fifth."""

    fails: float
    """Who is slower than that fails."""
    passes: float
    """Who is faster than that passes; not smaller."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Edges of latency buckets that a block is counted at."""

    stable: int
    """Stable's quantile in earlier blocks."""
    harmful: int
    """A candidate's try above it is slower than allowed, whatever its place in its bucket."""
    harmless: int
    """A candidate's try below it is as fast as asked, whatever its place in its bucket."""

    @classmethod
    def of(cls, latencies: Mapping[int, int], quantile: float, margins: LatencyMargins, highest: int) -> Self | None:
        """By stable's latencies so far, as tries by bucket; None: there are none, or no edge is low enough.

        `highest` is the highest edge that counts: above it, users' tries are overtaken and copies are not. Where
        stable's quantile is too near to it, a lower one is compared.
        """
        up, down = ceil(_buckets(margins.fails) - _EXACT), floor(_buckets(margins.passes) + _EXACT)
        edge, room = quantile_edge(latencies, quantile), highest - max(up, down)
        if edge is None or room < 0:
            return None
        stable = min(edge, room)
        return cls(stable=stable, harmful=stable + up, harmless=stable + down)


def _buckets(margin: float) -> float:
    """How many buckets wide a margin is."""
    return log(1 + margin) / log(RATIO)


def quantile_edge(latencies: Mapping[int, int], quantile: float) -> int | None:
    """The lowest edge that at most a share of `1 - quantile` of the tries is above; None: there are no tries."""
    left = (1 - quantile) * sum(latencies.values()) + _EXACT
    for bucket in sorted(latencies, reverse=True):
        left -= latencies[bucket]
        if left < 0:
            return bucket
    return None


@dataclass(frozen=True)
class LatencyTest:
    """Two error-rate tests: one is asked whether it fails, the other whether it passes."""

    harmful: ErrorRateTest
    harmless: ErrorRateTest

    @classmethod
    def begun(cls, alpha: float) -> Self:
        """Before the first block. `alpha`: the probability of a false `fail`."""
        return cls(harmful=ErrorRateTest.begun(limits(alpha)), harmless=ErrorRateTest.begun(limits(alpha)))

    def after(self, harmful: Block, harmless: Block) -> Self:
        """With one interval more, counted at both of the candidate's thresholds."""
        return replace(self, harmful=self.harmful.after(harmful), harmless=self.harmless.after(harmless))

    def at_another_weight(self) -> Self:
        """With other shares of the requests from now on."""
        return replace(self, harmful=self.harmful.at_another_weight(), harmless=self.harmless.at_another_weight())

    @property
    def waits(self) -> bool:
        """Whether intervals wait for tries of the other arm: the thresholds must not move until they have come."""
        return self.harmful.pending != Block()

    def verdict(self, min_samples: int) -> Verdict:
        """What is established."""
        if self.harmful.verdict(min_samples) is Verdict.FAIL:
            return Verdict.FAIL
        return Verdict.PASS if self.harmless.verdict(min_samples) is Verdict.PASS else Verdict.INCONCLUSIVE


def limits(alpha: float) -> ErrorRateLimits:
    """The margin is in the thresholds already."""
    return ErrorRateLimits(margin=Margin(0.0), pass_margin=Margin(0.0), alpha=alpha)
