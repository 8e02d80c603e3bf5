"""The gate `error-rate`: the candidate's tries fail at most a margin more often than stable's over the same time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import ErrorRateGate, MarginSpec
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Bound, Figure
from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.error_rate import FALSE_PROMOTION, ErrorRateLimits, ErrorRateTest
from penstock_controller.analysis.margin import Margin
from penstock_controller.analysis.serving import is_shown_to_serve
from penstock_controller.gates.bounds import HARM, NO_HARM, number_bound, odds_bound
from penstock_controller.gates.evidence import ComparedTries, Evidence, TryCount
from penstock_controller.gates.gate import MARGIN_REASONS, Gate, GateMemory, Judgement, StepConditions

TRIES, FAILURES = "tries", "failures"
_KIND = "failures: "
"""Begins the name of the figure that counts one kind of failure."""
_MOST_KINDS = 32
_EXCESS = "failures above stable's, %"
_DOUBT = "; but it is not shown that more than half of its tries succeed"
_TOGETHER_IN_BAKE = 8
"""Tries that may fail together, such as those in flight in a pod that crashes. In the bake a version gets so many
requests that a few such crashes would take a good one back, and harm is found soon enough all the same."""


@dataclass(frozen=True, kw_only=True)
class ErrorRate(Gate):
    """Compares failure rates by an e-process: docs/decisions/0008-error-rate-test.md."""

    limits: ErrorRateLimits
    """The margins, and its share of the attempt's error budget."""

    needs: ClassVar[tuple[type, ...]] = (ComparedTries,)
    statistical: ClassVar[bool] = True
    sample: ClassVar[str] = "tries"
    how_to_get_samples: ClassVar[str] = "no request has reached it in this step: send some"

    @classmethod
    def of(cls, entry: ErrorRateGate, alpha: float) -> "ErrorRate":
        """The gate that a spec names."""
        margin, passing = _margin(entry.margin), _margin(entry.pass_margin)
        larger = Margin(max(margin.absolute, passing.absolute), max(margin.relative, passing.relative))
        return cls(
            name=entry.name,
            min_samples=entry.min_samples,
            min_step_samples=entry.min_step_samples,
            config=f"margin {_words(margin)}, passMargin {_words(larger)}",
            limits=ErrorRateLimits(margin=margin, pass_margin=larger, alpha=alpha),
        )

    def gathers(self, during: StepConditions) -> bool:
        """Whether the candidate is tried at all."""
        return during.weight > 0 or during.mirror > 0

    def assess(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """The judgement with one interval more."""
        found = evidence.part(ComparedTries)
        candidate, stable = _arms(seen)
        before = self._test(seen)
        begun = before.at_another_weight() if found.other_shares else before
        together = _TOGETHER_IN_BAKE if found.promoted else 1
        sure = _block(*found.sure) if found.sure else None
        test = begun.after(_block(found.candidate, found.stable), together, sure)
        candidate, stable = candidate.plus(found.candidate), stable.plus(found.stable)
        verdict, reason, doubt = self._verdict(test)
        return Judgement(
            verdict=verdict,
            reason=reason,
            message=test.explain(self.min_samples) + doubt + _kinds(candidate),
            seen=GateMemory(
                samples=candidate.tries,
                figures=_figures(candidate, stable),
                bounds=self._bounds(test),
                state=test.state(),
            ),
        )

    def _verdict(self, test: ErrorRateTest) -> tuple[Verdict, Reason, str]:
        """The verdict, why, and what stands against a `pass` of a candidate that is as good as stable."""
        verdict, tries = test.verdict(self.min_samples), test.totals.candidate
        if verdict is Verdict.FAIL or tries.tries < self.min_samples or is_shown_to_serve(tries, test.candidate):
            return verdict, MARGIN_REASONS[verdict], ""
        return Verdict.INCONCLUSIVE, Reason.NOT_SHOWN_TO_SERVE, _DOUBT

    def samples_to_pass(self, seen: GateMemory, share: float) -> int:
        """Tries that a candidate like stable is likely to need."""
        return max(self.min_samples, self._test(seen).tries_to_pass(share))

    def how_to_need(self, samples: int) -> str:
        """A wider margin for a `pass`."""
        margin = ErrorRateTest.begun(self.limits).margin_to_pass_in(samples)
        fewer = f", minSamples: {samples}" if samples < self.min_samples else ""
        return f"passMargin: {{absolute: {100 * margin:g}%}}{fewer}" if margin else ""

    def _bounds(self, test: ErrorRateTest) -> tuple[Bound, ...]:
        return (
            odds_bound(HARM, Verdict.FAIL, test.against.total, self.limits.alpha),
            odds_bound(NO_HARM, Verdict.PASS, test.in_favour.total, FALSE_PROMOTION),
            number_bound(_EXCESS, Verdict.FAIL, _excess(test.seen), 100 * test.tolerated),
        )

    def _test(self, seen: GateMemory) -> ErrorRateTest:
        if not seen.state:
            return ErrorRateTest.begun(self.limits)
        try:
            return ErrorRateTest.restored(self.limits, _block(*_arms(seen)), seen.state)
        except ValueError:
            # Only a status that was edited by hand: the test begins anew.
            return ErrorRateTest.begun(self.limits)


def _margin(entry: MarginSpec) -> Margin:
    return Margin(duration.percent(entry.absolute), duration.percent(entry.relative))


def _words(margin: Margin) -> str:
    return f"{100 * margin.absolute:g}% or {100 * margin.relative:g}% of stable's"


def _arms(seen: GateMemory) -> tuple[TryCount, TryCount]:
    """Candidate's and stable's tries up to the last judgement."""
    return (
        _counted({figure.name: figure.candidate for figure in seen.figures}),
        _counted({figure.name: figure.stable or 0 for figure in seen.figures}),
    )


def _counted(figures: Mapping[str, float]) -> TryCount:
    """A version's tries up to the last judgement, by the names of its figures."""
    counts = {name: int(value) for name, value in figures.items()}
    return TryCount(
        tries=counts.get(TRIES, 0),
        failures=counts.get(FAILURES, 0),
        kinds={
            name.removeprefix(_KIND): count for name, count in counts.items() if name.startswith(_KIND) and count > 0
        },
    )


def _figures(candidate: TryCount, stable: TryCount) -> tuple[Figure, ...]:
    kinds = sorted({*candidate.kinds, *stable.kinds})[:_MOST_KINDS]
    return (
        Figure(name=TRIES, candidate=candidate.tries, stable=stable.tries),
        Figure(name=FAILURES, candidate=candidate.failures, stable=stable.failures),
        *(
            Figure(name=f"{_KIND}{kind}", candidate=candidate.kinds.get(kind, 0), stable=stable.kinds.get(kind, 0))
            for kind in kinds
        ),
    )


def _block(candidate: TryCount, stable: TryCount) -> Block:
    return Block(candidate=_arm(candidate), stable=_arm(stable))


def _arm(count: TryCount) -> CountedTries:
    return CountedTries(tries=count.tries, failures=count.failures)


def _excess(seen: Block) -> float | None:
    """Percentage points by which the candidate's share of failures is above stable's."""
    return 100 * (seen.candidate.share - seen.stable.share) if seen.compares else None


def _kinds(candidate: TryCount) -> str:
    """What the failures were, most frequent first."""
    often = sorted(candidate.kinds.items(), key=lambda item: (-item[1], item[0]))[:4]
    return "; " + ", ".join(f"{count} x {_kind(kind)}" for kind, count in often) if often else ""


def _kind(kind: str) -> str:
    return f"HTTP {kind}" if kind.isdecimal() else kind
