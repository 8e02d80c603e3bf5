"""The gate `error-rate`: is the candidate's failure rate more than a margin above stable's?

Two bets run beside each other. One wins when the candidate is worse than stable by more than a margin, the other when
it is not worse by another, larger one. What a stake of 1 has become is called the odds. Those of a wrong answer reach
1/alpha with probability alpha at most, however often one looks: docs/decisions/0008-error-rate-test.md.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import ceil, isfinite, log
from typing import Self

from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.belief import Belief
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.margin import Margin
from penstock_controller.analysis.memory import Memory
from penstock_controller.analysis.purse import Purse, log_sum
from penstock_controller.analysis.wording import odds, per_cent

FALSE_ROLLBACK = 0.01
"""Probability, over a whole attempt and all its gates, that a candidate within its margins is rolled back."""
FALSE_PROMOTION = 0.05
"""Probability that this gate passes a candidate that was worse by the margin or more in each interval."""

_HARMS = (0.01, 0.05, 0.2, 0.6, 1.0)
"""Harms beyond the margin that are always bet on: they find a broken candidate before its rate is known."""
_FEWEST_FAILURES = 5
"""Without so many failures of the candidate there is no `fail`, however long the odds. The test takes tries for
independent, and with few requests odds of 400 take two failures: one reset connection can be both."""
_SUSPICIOUS = 3.0
"""While the last block alone gives such odds that the candidate is harmful there is no `pass`: one bad interval decides
nothing, and promotes nothing."""
_MOST_AGAINST = log(1e30)
"""Longer odds would decide nothing."""
_MOST_FOR = log(1e3)
"""Longer odds for the candidate are not kept: a pass is withdrawn by what brings 1,000 down to 20, after ten thousand
good tries as after one thousand."""
_IDLE = 0.1
"""Share of the odds for the candidate that is not at stake in a block: an outage that hits both leaves it."""
_MIXING = 0.002
"""Share of the odds for the candidate that is dealt out evenly after each block: a bet that lost can come back."""
_SPAN = 1_000
"""Tries that the memory of an arm spans: an outage is soon forgotten, so that a pass is not lost for long after it."""
_EXPECTED = 0.0005
_EXPECTED_WEIGHT = 100.0
"""The failure rate that is expected before anything was seen, and the tries that this counts for."""
_SHRINKAGE = 20.0
"""The candidate is expected to be like stable: for as many tries does that count."""
_PERFECT = 1e-6
"""The rate of a candidate that never fails."""
_MOST_BLOCKS = 10**9
_MOST_BY_ONE_BLOCK = 0.5
"""Share of log(1/alpha) that no block's bet gives more than: failures that come together in one interval are one
event, however many they are. It takes three intervals that agree. A bet that is paid less than it won stays fair."""
_CLOSE = 0.75
"""Share of the pass margin up to which a rate is bet to be harmless."""
_ROUND_MARGINS = (0.01, 0.02, 0.05, 0.1, 0.2)
_ANY_SHARE = 0.25
"""Of the requests: it matters little to how many tries a `pass` needs."""
_BETS_AGAINST, _BETS_FOR, _REMEMBERED, _PENDING = len(_HARMS) + 1, 4, 4, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRateLimits:
    """What is tested, and how sure a `fail` must be."""

    margin: Margin
    """Harm that is tolerated: a candidate that is worse by more fails."""
    pass_margin: Margin
    """Harm that must be excluded: a candidate that is worse by less passes. At least as large as `margin`."""
    alpha: float
    """Probability of a false `fail`, however often it is looked."""

    def __post_init__(self) -> None:
        smaller = self.pass_margin.absolute < self.margin.absolute or self.pass_margin.relative < self.margin.relative
        if smaller:
            raise ValueError("passMargin is smaller than margin: harm that is tolerated could never be excluded")


@dataclass(frozen=True)
class ErrorRateTest:
    """All that is known after some intervals. The caller begins a new one when the limits change."""

    limits: ErrorRateLimits
    totals: Block = field(default_factory=Block)
    """Counts of all blocks, for people and for `min_samples`: rates are compared within each, never by these."""
    pending: Block = field(default_factory=Block)
    """Intervals in which only one arm was tried: they are one block with the next ones, until both were."""
    against: Purse = field(default_factory=lambda: Purse.filled(_BETS_AGAINST))
    """Bets that the candidate is harmful."""
    in_favour: Purse = field(default_factory=lambda: Purse.filled(_BETS_FOR))
    """Bets that it is not. The first is no bet."""
    candidate: Memory = field(default_factory=Memory)
    stable: Memory = field(default_factory=Memory)
    suspect: bool = False
    """The last block alone makes harm likely."""

    @classmethod
    def begun(cls, limits: ErrorRateLimits) -> Self:
        """Before the first interval."""
        return cls(limits=limits)

    def after(self, interval: Block, together: int = 1, sure: Block | None = None) -> Self:
        """With one interval more, in which up to `together` tries of an arm may share their fate.

        Of what a bet for harm gives, the power 1/together is kept: fair whatever depends on what among so many, by
        Hölder's inequality.

        `sure`: the interval without tries that were made doubtful by this interval itself; None: none were. Each bet
        gets the lower of what it wins with them and without them, which is fair as well.

        One in which only one arm was tried waits for the next: when a block ends depends on numbers of tries alone,
        never on outcomes, so the bets stay fair.
        """
        block = self.pending + interval
        if not block.compares:
            return replace(self, pending=block)
        gains, harmless = self._gains(block, together)
        if sure is not None:
            others = self._gains(self.pending + sure, together)
            gains, harmless = (list(map(min, *each)) for each in zip((gains, harmless), others, strict=True))
        in_favour = self.in_favour.played(harmless)
        return replace(
            self,
            totals=self.totals + block,
            pending=Block(),
            against=self.against.played(gains).replenished().capped(_MOST_AGAINST).rounded(),
            in_favour=in_favour.replenished().rebalanced(_IDLE, _MIXING).capped(_MOST_FOR).rounded(),
            candidate=self.candidate.after(block.candidate, _SPAN),
            stable=self.stable.after(block.stable, _SPAN),
            suspect=log_sum(gains) - log(len(gains)) >= log(_SUSPICIOUS),
        )

    def _gains(self, block: Block, together: int) -> tuple[list[float], list[float]]:
        """What each bet for harm, and each against it, gives; none gives anything where an arm was not tried."""
        if not block.compares:
            return [0.0] * _BETS_AGAINST, [0.0] * _BETS_FOR
        harm, excluded = self._margins()
        cap = -_MOST_BY_ONE_BLOCK * log(self.limits.alpha)
        gains = [min(cap, _gain(belief, block, harm, True) / together) for belief in self._harmful(harm)]
        return gains, [0.0, *(_gain(belief, block, excluded, False) for belief in self._harmless(excluded))]

    def at_another_weight(self) -> Self:
        """With other shares of the requests from now on: what is pending is counted, and belongs to no block."""
        return replace(self, totals=self.seen, pending=Block())

    @property
    def seen(self) -> Block:
        """Counts of all that came so far."""
        return self.totals + self.pending

    def _margins(self) -> tuple[float, float]:
        """What is allowed now, and what is to be excluded, by what earlier blocks say of stable's rate."""
        seen = self.totals.stable
        rate = (seen.failures + _EXPECTED * _EXPECTED_WEIGHT) / (seen.tries + _EXPECTED_WEIGHT)
        return self.limits.margin.at(rate), self.limits.pass_margin.at(rate)

    @property
    def tolerated(self) -> float:
        """The difference of failure rates that is allowed now."""
        return self._margins()[0]

    def _rates(self) -> Belief:
        """What earlier blocks make of both rates: bets on a block must not know the block."""
        stable = self.stable.rate(_EXPECTED, _EXPECTED_WEIGHT)
        return Belief.of(candidate=self.candidate.rate(stable, _SHRINKAGE), stable=stable)

    def _harmful(self, margin: float) -> Iterator[Belief]:
        rates = self._rates()
        for harm in _HARMS:
            yield Belief.of(candidate=rates.stable + margin + harm, stable=rates.stable)
        yield rates

    def _harmless(self, margin: float) -> Iterator[Belief]:
        rates = self._rates()
        yield Belief.of(candidate=rates.stable, stable=rates.stable)
        yield Belief.of(candidate=_PERFECT, stable=rates.stable)
        # Who no longer believes in health goes on betting on it: one who stopped would keep what a good past has won,
        # and the candidate its pass.
        yield Belief.of(candidate=min(rates.candidate, rates.stable + _CLOSE * margin), stable=rates.stable)

    def verdict(self, min_samples: int) -> Verdict:
        """What holds now."""
        if self._shown:
            return Verdict.FAIL if self.totals.candidate.failures >= _FEWEST_FAILURES else Verdict.INCONCLUSIVE
        if self._excluded and self.totals.candidate.tries >= min_samples:
            return Verdict.PASS
        return Verdict.INCONCLUSIVE

    def explain(self, min_samples: int) -> str:
        """The verdict's numbers in a sentence for a person."""
        return f"failed {self.seen.candidate}, stable {self.seen.stable}: {self._because(min_samples)}"

    def _because(self, min_samples: int) -> str:
        harm, excluded = self._margins()
        worse, within = f"worse by more than {per_cent(harm)}", f"worse by less than {per_cent(excluded)}"
        shown, needed_to_show = odds(self.against.total), f"{1 / self.limits.alpha:.3g}"
        safe, needed_to_exclude = odds(self.in_favour.total), f"{1 / FALSE_PROMOTION:.3g}"
        match self.verdict(min_samples):
            case Verdict.FAIL:
                return f"{worse}, error level {per_cent(self.limits.alpha)}"
            case Verdict.PASS:
                return f"{within}, error level {per_cent(FALSE_PROMOTION)}"
            case _ if self._shown:
                seen = f"{self.totals.candidate.failures} of {_FEWEST_FAILURES}"
                return f"it seems {worse}, but only {seen} failures were seen"
            case _ if self._excluded:
                return f"it seems {within}, but only {self.totals.candidate.tries} of {min_samples} tries were seen"
            case _:
                return (
                    f"shown neither to be {worse} (odds {shown} of {needed_to_show} needed) "
                    f"nor {within} (odds {safe} of {needed_to_exclude} needed)"
                )

    @property
    def _shown(self) -> bool:
        return self.against.total >= -log(self.limits.alpha)

    @property
    def _excluded(self) -> bool:
        return self.in_favour.total >= -log(FALSE_PROMOTION) and not self.suspect

    def tries_to_pass(self, share: float) -> int:
        """Tries that a candidate like stable is likely to need for a `pass`, with this share of the requests."""
        _, excluded = self._margins()
        rate = self._rates().stable
        like_stable = Belief.of(candidate=rate, stable=rate)
        each = like_stable.mean_gain(rate, rate, share, excluded)
        return ceil(log(2 * _BETS_FOR / FALSE_PROMOTION) / each) if each > 0 else _MOST_BLOCKS

    def margin_to_pass_in(self, tries: int) -> float | None:
        """The smallest of some round margins that a candidate like stable is likely to pass in so many tries."""
        for margin in _ROUND_MARGINS:
            tolerated = self.limits.margin
            wide = Margin(max(margin, tolerated.absolute), tolerated.relative)
            wider = replace(self.limits, pass_margin=wide)
            if replace(self, limits=wider).tries_to_pass(_ANY_SHARE) <= tries:
                return margin
        return None

    def state(self) -> str:
        """All but limits and counts: a JSON list of numbers, of at most 400 characters."""
        numbers = [self.against.blocks, int(self.suspect), *self._waiting(), *self._memories(), *self._stakes()]
        return json.dumps(numbers, separators=(",", ":"))

    def _waiting(self) -> tuple[int, ...]:
        candidate, stable = self.pending.candidate, self.pending.stable
        return (candidate.tries, candidate.failures, stable.tries, stable.failures)

    def _memories(self) -> tuple[float, ...]:
        return (self.candidate.tries, self.candidate.failures, self.stable.tries, self.stable.failures)

    def _stakes(self) -> tuple[float, ...]:
        return (*self.against.stakes, *self.in_favour.stakes)

    @classmethod
    def restored(cls, limits: ErrorRateLimits, seen: Block, state: str) -> Self:
        """What `seen` and `state` were taken from, exactly. Raises ValueError when no test can have written it."""
        (blocks, suspect), pending, memories, stakes = _parsed(state)
        return cls(
            limits=limits,
            totals=seen - pending,
            pending=pending,
            against=Purse(stakes=stakes[:_BETS_AGAINST], blocks=blocks),
            in_favour=Purse(stakes=stakes[_BETS_AGAINST:], blocks=blocks),
            candidate=Memory(*memories[:2]),
            stable=Memory(*memories[2:]),
            suspect=bool(suspect),
        )


def _gain(belief: Belief, block: Block, margin: float, harm: bool) -> float:
    """What a bet on a belief gives. Who believes what the null hypothesis says does not bet."""
    believed = belief.candidate - belief.stable > margin
    return belief.log_gain(block, margin) if believed == harm else 0.0


def _parsed(state: str) -> tuple[tuple[int, int], Block, tuple[float, ...], tuple[float, ...]]:
    """The number of blocks and whether the last was suspect, what is pending, the memories and the stakes."""
    length = _REMEMBERED + _BETS_AGAINST + _BETS_FOR
    try:
        blocks, suspect, *numbers = json.loads(state)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"the state of an error-rate test is a JSON list of numbers, not {state[:80]!r}") from error
    counts, numbers = numbers[:_PENDING], numbers[_PENDING:]
    if any(type(count) is not int or count < 0 for count in (blocks, suspect, *counts)) or blocks > _MOST_BLOCKS:
        raise ValueError(f"the state of an error-rate test begins with counts, not {state[:80]!r}")
    if len(counts) != _PENDING or len(numbers) != length:
        raise ValueError(f"the state of an error-rate test is {2 + _PENDING + length} numbers, not {state[:80]!r}")
    if not all(isinstance(number, float) and isfinite(number) for number in numbers):
        raise ValueError(f"the state of an error-rate test holds finite numbers only, not {state[:80]!r}")
    memories, stakes = tuple(numbers[:_REMEMBERED]), tuple(numbers[_REMEMBERED:])
    if not (0 <= memories[1] <= memories[0] and 0 <= memories[3] <= memories[2] and max(stakes) <= _MOST_AGAINST):
        raise ValueError(f"no error-rate test comes to the state {state[:80]!r}")
    pending = Block(CountedTries(*counts[:2]), CountedTries(*counts[2:]))
    if pending.compares:
        raise ValueError(f"no error-rate test comes to the state {state[:80]!r}: both arms were tried")
    return (blocks, suspect), pending, memories, stakes
