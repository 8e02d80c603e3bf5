"""The gate `error-rate`: is the candidate's failure rate more than a margin above stable's?

Two bets run beside each other. One wins when the candidate is worse than stable by more than the margin, the other
when it is not. What a stake of 1 has become is called the odds. Those of a wrong answer reach 1/alpha with probability
alpha at most, however often one looks: docs/decisions/0008-error-rate-test.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import exp, isfinite, log
from typing import Self

from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.belief import Belief
from penstock_controller.analysis.counts import Block
from penstock_controller.analysis.memory import Memory
from penstock_controller.analysis.purse import Purse

FALSE_ROLLBACK = 0.01
"""Probability, over a whole attempt and all its gates, that a candidate within its margins is rolled back."""
FALSE_PROMOTION = 0.05
"""Probability that this gate passes a candidate that was worse by the margin or more in each interval."""

_HARMS = (0.01, 0.05, 0.2, 0.6, 1.0)
"""Harms beyond the margin that are always bet on: they find a broken candidate before its rate is known."""
_FEWEST_FAILURES = 5
"""Without so many failures of the candidate there is no `fail`, however long the odds. The test takes tries for
independent, and with few requests odds of 400 take two failures: one reset connection can be both."""
_MOST_AGAINST = log(1e30)
"""Longer odds would decide nothing."""
_MOST_FOR = log(1e3)
"""Longer odds for the candidate are not kept: a pass is withdrawn by what brings 1,000 down to 20, after ten thousand
good tries as after one thousand."""
_IDLE = 0.1
"""Share of the odds for the candidate that is not at stake in a block: an outage that hits both leaves it."""
_MIXING = 0.002
"""Share of the odds for the candidate that is dealt out evenly after each block: a bet that lost can come back."""
_STABLE_SPAN = 10_000
_CANDIDATE_SPAN = 1_000
"""Tries that the memory of an arm spans."""
_EXPECTED = 0.0005
_EXPECTED_WEIGHT = 100.0
"""The failure rate that is expected before anything was seen, and the tries that this counts for."""
_SHRINKAGE = 20.0
"""The candidate is expected to be like stable: for as many tries does that count."""
_PERFECT = 1e-6
"""The rate of a candidate that never fails."""
_MOST_BLOCKS = 10**9
_BETS_AGAINST, _BETS_FOR, _REMEMBERED = len(_HARMS) + 1, 4, 4


@dataclass(frozen=True)
class ErrorRateTest:
    """All that is known after some intervals. The caller begins a new one when the margin changes."""

    margin: float
    """Difference of failure rates that is no harm, within [0, 1)."""
    totals: Block = field(default_factory=Block)
    """Counts so far, for people and for `min_samples`: rates are compared within each block, never by these."""
    against: Purse = field(default_factory=lambda: Purse.filled(_BETS_AGAINST))
    """Bets that the candidate is harmful."""
    in_favour: Purse = field(default_factory=lambda: Purse.filled(_BETS_FOR))
    """Bets that it is not. The first is no bet."""
    candidate: Memory = field(default_factory=Memory)
    stable: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 1:
            raise ValueError(f"the margin of error-rate is a share from 0 to below 1, not {self.margin}")

    @classmethod
    def begun(cls, margin: float) -> Self:
        """Before the first interval."""
        return cls(margin=margin)

    def after(self, block: Block) -> Self:
        """With one interval more. An interval in which one arm had no tries changes nothing."""
        if not block.compares:
            return self
        against = self.against.played([self._gain(belief, block, harm=True) for belief in self._harmful()])
        in_favour = self.in_favour.played([0.0, *(self._gain(b, block, harm=False) for b in self._harmless())])
        return replace(
            self,
            totals=self.totals + block,
            against=against.replenished().capped(_MOST_AGAINST).rounded(),
            in_favour=in_favour.replenished().rebalanced(_IDLE, _MIXING).capped(_MOST_FOR).rounded(),
            candidate=self.candidate.after(block.candidate, _CANDIDATE_SPAN),
            stable=self.stable.after(block.stable, _STABLE_SPAN),
        )

    def _gain(self, belief: Belief, block: Block, *, harm: bool) -> float:
        """Who believes what the null hypothesis says does not bet."""
        believed = belief.candidate - belief.stable > self.margin
        return belief.log_gain(block, self.margin) if believed == harm else 0.0

    def _rates(self) -> Belief:
        """What earlier blocks make of both rates: bets on a block must not know the block."""
        stable = self.stable.rate(_EXPECTED, _EXPECTED_WEIGHT)
        return Belief.of(candidate=self.candidate.rate(stable, _SHRINKAGE), stable=stable)

    def _harmful(self) -> Iterator[Belief]:
        rates = self._rates()
        for harm in _HARMS:
            yield Belief.of(candidate=rates.stable + self.margin + harm, stable=rates.stable)
        yield rates

    def _harmless(self) -> Iterator[Belief]:
        rates = self._rates()
        yield Belief.of(candidate=rates.stable, stable=rates.stable)
        yield Belief.of(candidate=_PERFECT, stable=rates.stable)
        # Who no longer believes in health goes on betting on it: one who stopped would keep what a good past has won,
        # and the candidate its pass.
        yield Belief.of(candidate=min(rates.candidate, rates.stable + self.margin / 2), stable=rates.stable)

    def verdict(self, min_samples: int, alpha: float) -> Verdict:
        """What holds now. `alpha` is the probability of a false `fail`, however often this is asked."""
        if self._shown(alpha):
            return Verdict.FAIL if self.totals.candidate.failures >= _FEWEST_FAILURES else Verdict.INCONCLUSIVE
        if self._excluded and self.totals.candidate.tries >= min_samples:
            return Verdict.PASS
        return Verdict.INCONCLUSIVE

    def explain(self, min_samples: int, alpha: float) -> str:
        """The verdict's numbers in a sentence for a person."""
        counts = f"candidate failed {self.totals.candidate}, stable {self.totals.stable}"
        return f"{counts}: harm beyond the margin of {100 * self.margin:g} % {self._because(min_samples, alpha)}"

    def _because(self, min_samples: int, alpha: float) -> str:
        shown, needed_to_show = _odds(self.against), f"{1 / alpha:.3g}"
        excluded, needed_to_exclude = _odds(self.in_favour), f"{1 / FALSE_PROMOTION:.3g}"
        match self.verdict(min_samples, alpha):
            case Verdict.FAIL:
                return f"is established (odds {shown} against {needed_to_show} needed)"
            case Verdict.PASS:
                return f"is excluded (odds {excluded} against {needed_to_exclude} needed)"
            case _ if self._shown(alpha):
                seen = f"{self.totals.candidate.failures} of {_FEWEST_FAILURES}"
                return f"seems established, but only {seen} failures of the candidate were seen"
            case _ if self._excluded:
                return f"seems excluded, but only {self.totals.candidate.tries} of {min_samples} tries were seen"
            case _:
                return (
                    f"is neither shown (odds {shown} of {needed_to_show} needed) "
                    f"nor excluded (odds {excluded} of {needed_to_exclude} needed)"
                )

    def _shown(self, alpha: float) -> bool:
        return self.against.total >= -log(alpha)

    @property
    def _excluded(self) -> bool:
        return self.in_favour.total >= -log(FALSE_PROMOTION)

    def state(self) -> str:
        """All but margin and totals: a JSON list of numbers, of at most 400 characters."""
        return json.dumps([self.against.blocks, *self._memories(), *self._stakes()], separators=(",", ":"))

    def _memories(self) -> tuple[float, ...]:
        return (self.candidate.tries, self.candidate.failures, self.stable.tries, self.stable.failures)

    def _stakes(self) -> tuple[float, ...]:
        return (*self.against.stakes, *self.in_favour.stakes)

    @classmethod
    def restored(cls, margin: float, totals: Block, state: str) -> Self:
        """What `state` was taken from, exactly. Raises ValueError when no test can have written it."""
        blocks, memories, stakes = _parsed(state)
        return cls(
            margin=margin,
            totals=totals,
            against=Purse(stakes=stakes[:_BETS_AGAINST], blocks=blocks),
            in_favour=Purse(stakes=stakes[_BETS_AGAINST:], blocks=blocks),
            candidate=Memory(*memories[:2]),
            stable=Memory(*memories[2:]),
        )


def _odds(purse: Purse) -> str:
    odds = exp(purse.total)
    return f"{odds:.0f}" if 10 <= odds < 1e6 else f"{odds:.2g}"  # noqa: PLR2004


def _parsed(state: str) -> tuple[int, tuple[float, ...], tuple[float, ...]]:
    """The number of blocks, the memories and the stakes."""
    length = _REMEMBERED + _BETS_AGAINST + _BETS_FOR
    try:
        blocks, *numbers = json.loads(state)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"the state of an error-rate test is a JSON list of numbers, not {state[:80]!r}") from error
    if type(blocks) is not int or not 0 <= blocks <= _MOST_BLOCKS or len(numbers) != length:
        raise ValueError(f"the state of an error-rate test is a count and {length} numbers, not {state[:80]!r}")
    if not all(isinstance(number, float) and isfinite(number) for number in numbers):
        raise ValueError(f"the state of an error-rate test holds finite numbers only, not {state[:80]!r}")
    memories, stakes = tuple(numbers[:_REMEMBERED]), tuple(numbers[_REMEMBERED:])
    if not (0 <= memories[1] <= memories[0] and 0 <= memories[3] <= memories[2] and max(stakes) <= _MOST_AGAINST):
        raise ValueError(f"no error-rate test comes to the state {state[:80]!r}")
    return blocks, memories, stakes
