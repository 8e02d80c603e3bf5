"""Is one pod of a version sick? That is: do its tries fail far more often than those of its siblings?

Each reading is a bet against the null hypothesis that the pod fails at most `MARGIN` more often than its siblings do in
the same time. As nobody knows when a pod falls sick, what was won is added up over all readings at which it may have
begun (an e-detector: Shin, Ramdas and Rinaldo, arXiv 2203.03532): M becomes (M + 1) e after a reading whose bet
multiplies a stake by e. While the null holds, the expectation of M grows by at most 1 a reading. So within n readings
M reaches a bound B with probability n/B at most, however the pod's and its siblings' rates change together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, log
from typing import Self

from penstock_controller.analysis.belief import Belief
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.purse import log_sum
from penstock_controller.analysis.rounding import lowered

MARGIN = 0.05
"""A pod that fails at most so much more often than its siblings is not sick."""
NEEDED = 1e6
"""M from which a pod is sick. In an attempt of 100 readings, one that is not is taken for it once in 10,000 times."""
_SUSPICIOUS = 30.0
"""M from which a pod is suspected."""
_MOST_BY_ONE_READING = 100.0
"""No reading multiplies by more: requests that a pod drops at once, as it starts anew, are one event, however many they
are. So three readings must agree."""
_EXCESSES = (0.05, 0.2, 0.5, 0.9)
"""Beyond the margin: what is bet on."""
_EXPECTED = 0.0005
_EXPECTED_WEIGHT = 100.0
"""The failure rate that is expected of a version before anything was seen, and the tries that this counts for."""
_LEAST, _MOST = -20.0, log(NEEDED * _MOST_BY_ONE_READING)
"""Natural logarithms within which M is kept: what is outside decides nothing."""


@dataclass(frozen=True, slots=True)
class PodEvidence:
    """What is known of one pod after some readings."""

    log_odds: float = _LEAST
    """Natural logarithm of M."""

    def after(self, pod: CountedTries, siblings: CountedTries, earlier: CountedTries) -> Self:
        """With one reading more. `earlier`: the siblings' tries before it, for the bets must not know the reading.

        One in which the pod or its siblings were not tried says nothing, and none may have begun with it.
        """
        if self.is_cleared_by(pod):
            return type(self)()
        reading = Block(candidate=pod, stable=siblings)
        gains = [belief.log_gain(reading, MARGIN) for belief in _beliefs(earlier)] if reading.compares else []
        if not gains:
            return self
        gain = min(log(_MOST_BY_ONE_READING), log_sum(gains) - log(len(gains)))
        return type(self)(lowered(min(_MOST, max(_LEAST, log(exp(self.log_odds) + 1) + gain))))

    def is_cleared_by(self, pod: CountedTries) -> bool:
        """Whether nothing is left to know after a reading: nothing failed at a pod that nothing speaks against.

        M may be made smaller at any time, and 0 needs no siblings.
        """
        return not pod.failures and self.log_odds <= 0

    @property
    def is_suspected(self) -> bool:
        """Whether it may be sick: so likely that its tries say little of its version."""
        return self.log_odds >= log(_SUSPICIOUS)

    @property
    def is_sick(self) -> bool:
        """Whether it is."""
        return self.log_odds >= log(NEEDED)


def _beliefs(siblings: CountedTries) -> Iterator[Belief]:
    rate = (siblings.failures + _EXPECTED * _EXPECTED_WEIGHT) / (siblings.tries + _EXPECTED_WEIGHT)
    for excess in _EXCESSES:
        if rate + MARGIN + excess < 1:
            yield Belief.of(candidate=rate + MARGIN + excess, stable=rate)
