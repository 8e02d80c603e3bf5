"""Do the tries of both arms come in the shares that are applied?

A sequential test for a known probability. Each try is the candidate's with the applied share, if each is routed and
counted as it should be. Bets say that its odds are a fixed factor higher or lower. Their mean is an e-process, so it
reaches 1/alpha with probability alpha at most, however often it is looked: Lindon, Sanden and Shirikian,
arXiv 2205.14762, with a few points instead of a Dirichlet prior. A deviation of less than about 5 % of the share is
never found, however many tries there are: nobody would act on it.
"""

import json
from dataclasses import dataclass
from math import isfinite, log
from typing import Self

from penstock_controller.analysis.counts import Block
from penstock_controller.analysis.purse import log_sum
from penstock_controller.analysis.rounding import lowered

ALPHA = 0.001
"""Probability, over a whole attempt, that shares which are right are said to be wrong."""
_FACTORS = (0.5, 0.75, 0.9, 1 / 0.9, 1 / 0.75, 2.0)
"""Of the candidate's odds."""
_LEAST = -700.0
_MOST = 700.0
"""Log wealth is kept within these: it would decide nothing more."""


@dataclass(frozen=True, slots=True)
class SampleRatioTest:
    """What is known after some intervals."""

    stakes: tuple[float, ...] = (lowered(-log(len(_FACTORS))),) * len(_FACTORS)
    """Log wealth of each bet."""

    def after(self, block: Block, share: float) -> Self:
        """With one interval more, in which the candidate's share of the requests was this one, within (0, 1)."""
        stakes = (stake + _gain(block, share, factor) for stake, factor in zip(self.stakes, _FACTORS, strict=True))
        return type(self)(stakes=tuple(lowered(min(_MOST, max(_LEAST, stake))) for stake in stakes))

    @property
    def is_wrong(self) -> bool:
        """Whether the tries do not come in the shares that are applied."""
        return log_sum(self.stakes) >= -log(ALPHA)

    def state(self) -> str:
        """All of it, as a JSON list of numbers."""
        return json.dumps(self.stakes, separators=(",", ":"))

    @classmethod
    def restored(cls, state: str) -> Self:
        """What `state` was taken from; a text that no test wrote begins anew."""
        try:
            stakes = tuple(float(stake) for stake in json.loads(state))
        except (ValueError, TypeError):
            return cls()
        return cls(stakes) if len(stakes) == len(_FACTORS) and all(map(isfinite, stakes)) else cls()


def _gain(block: Block, share: float, factor: float) -> float:
    """Log of the likelihood ratio of the bet over the applied share."""
    bet = share * factor / (share * factor + 1 - share)
    return block.candidate.tries * log(bet / share) + block.stable.tries * log((1 - bet) / (1 - share))
