"""Does one version fall short of another by more than a limit on average, or by less?

A shortfall lies between -1 and 1, and is above 0 where the candidate is worse. A bet with stake l pays
1 + l (shortfall - limit) for each. As long as the mean is not above the limit, whatever came before, the product of
what was paid reaches 1/alpha with probability alpha at most, however often one looks (Waudby-Smith and Ramdas,
Estimating means of bounded random variables by betting, 2024). Stakes are fixed before the first shortfall, so counts
are all that has to be kept.

A shortfall between two values of the counts may be shared out between them so that its mean stays what it is: the
logarithm is concave, so each bet wins a little less by that, and never more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from penstock_controller.analysis.paired_mean import log_mean, log_wealth

_STAKES = (0.01, 0.02, 0.04, 0.07, 0.12, 0.2, 0.3, 0.45, 0.65, 0.95)
"""Parts of the largest stake that cannot lose more than there is. Small ones win on small differences that vary."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """What shortfalls say of their mean."""

    limit: float
    """Within (-1, 1)."""
    counts: Sequence[tuple[float, float]]
    """Values, each with how often it came; a part of one may count at each of two values."""

    @property
    def log_odds_above(self) -> float:
        """Natural logarithm of the odds that the mean is above the limit."""
        largest = 1 / (1 + self.limit)
        return self._log_odds([part * largest for part in _STAKES])

    @property
    def log_odds_below(self) -> float:
        """Natural logarithm of the odds that it is below the limit."""
        largest = 1 / (1 - self.limit)
        return self._log_odds([-part * largest for part in _STAKES])

    def _log_odds(self, stakes: Sequence[float]) -> float:
        bets = [log_wealth(self.counts, self.limit, stake) for stake in stakes]
        return log_mean(bets, [1 / len(bets)] * len(bets))
