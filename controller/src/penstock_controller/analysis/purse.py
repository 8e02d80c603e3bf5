"""Wealth spread over several bets. All amounts are natural logarithms.

Nothing here makes money: stakes change hands, are thrown away, or come from a reserve that was set aside at the start.
So the expectation of the total is at most 1 whatever is done in which order, as long as each bet is fair or worse.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log
from typing import Self

from penstock_controller.analysis.rounding import lowered

_PATIENCE = 50
"""Blocks after which half of the reserve is spent."""


@dataclass(frozen=True, slots=True)
class Purse:
    """Stakes on several bets, and a reserve that is spent on new stakes a little after each block.

    Without the reserve, a bet that an hour of good health has ruined could not win when health ends.
    """

    stakes: tuple[float, ...]
    """Log wealth on each bet."""
    blocks: int = 0
    """How often the reserve was drawn on."""

    @classmethod
    def filled(cls, bets: int) -> Self:
        """Half of the wealth 1 is at stake, the same on each bet; half is in reserve."""
        return cls(stakes=(lowered(log(0.5 / bets)),) * bets)

    @property
    def total(self) -> float:
        """Log of all wealth."""
        return log_sum((*self.stakes, self._reserve))

    def played(self, gains: Sequence[float]) -> Self:
        """Each stake after its bet's log gain."""
        return replace(self, stakes=tuple(stake + gain for stake, gain in zip(self.stakes, gains, strict=True)))

    def replenished(self) -> Self:
        """With the next part of the reserve: 1/2 * patience / ((blocks + patience) (blocks + patience + 1))."""
        age = self.blocks + _PATIENCE
        part = log(0.5 * _PATIENCE / age / (age + 1) / len(self.stakes))
        return replace(self, stakes=tuple(log_sum((stake, part)) for stake in self.stakes), blocks=self.blocks + 1)

    def rebalanced(self, idle: float, mixing: float) -> Self:
        """With the first stake made the share `idle` of all, and a part `mixing` of the others dealt evenly again."""
        pool, (_, *risked) = log_sum(self.stakes), self.stakes
        at_risk = log_sum(risked)
        even = log(mixing / len(risked))
        shares = (log_sum((stake - at_risk + log(1 - mixing), even)) for stake in risked)
        return replace(self, stakes=(pool + log(idle), *(pool + log(1 - idle) + share for share in shares)))

    def capped(self, most: float) -> Self:
        """With stakes scaled down until their sum is at most `most`."""
        excess = max(0.0, log_sum(self.stakes) - most)
        return replace(self, stakes=tuple(stake - excess for stake in self.stakes))

    def rounded(self) -> Self:
        """As it is written down."""
        return replace(self, stakes=tuple(lowered(stake) for stake in self.stakes))

    @property
    def _reserve(self) -> float:
        return log(0.5 * _PATIENCE / (self.blocks + _PATIENCE))


def log_sum(amounts: Sequence[float]) -> float:
    """The logarithm of the sum of the amounts whose logarithms are given."""
    most = max(amounts)
    return most + log(sum(exp(amount - most) for amount in amounts))
