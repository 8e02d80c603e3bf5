"""The gates `latency-p50`, `latency-p90`, `latency-p99`: the candidate is at most a margin slower than stable.

One implementation for all three: docs/decisions/0045-latency-gates.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import LatencyGate
from penstock_contracts.api.status import Bound, Figure
from penstock_contracts.latency_buckets import EDGES, edge_ms
from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.error_rate import FALSE_PROMOTION, ErrorRateTest
from penstock_controller.analysis.latency import LatencyMargins, LatencyTest, Thresholds, limits, quantile_edge
from penstock_controller.analysis.quantile_bounds import quantile_bounds
from penstock_controller.analysis.wording import odds, per_cent
from penstock_controller.gates.bounds import HARM, NO_HARM, number_bound, odds_bound
from penstock_controller.gates.evidence import ComparedLatencies, Evidence, TimedTries
from penstock_controller.gates.gate import MARGIN_REASONS, Gate, GateMemory, Judgement, StepConditions

_QUANTILES = {"latency-p50": 0.5, "latency-p90": 0.9, "latency-p99": 0.99}
TRIES, LONGER, THRESHOLD = "tries", "tries above the threshold", "threshold, ms"


@dataclass(frozen=True)
class _Course:
    """What is known of a stage so far: the test, and where the next interval is counted."""

    test: LatencyTest
    thresholds: Thresholds | None = None

    def after(self, found: ComparedLatencies) -> "_Course":
        """With an interval more. One that was not counted at the thresholds changes nothing."""
        course = replace(self, test=self.test.at_another_weight()) if found.other_shares else self
        at = self.thresholds
        if at is None or at.stable not in found.stable.longer or at.harmful not in found.candidate.longer:
            return course
        harmful, harmless = _block(found, at.stable, at.harmful), _block(found, at.stable, at.harmless)
        return replace(course, test=course.test.after(harmful, harmless))

    def text(self) -> str:
        """As it stands in status."""
        at = self.thresholds
        edges = f"{at.stable} {at.harmful} {at.harmless}" if at else ""
        harmful, harmless = _to_text(self.test.harmful), _to_text(self.test.harmless)
        # They are one and the same where the margin is a whole number of buckets, as 20 % is.
        return "|".join((edges, harmful, *(() if harmless == harmful else (harmless,))))

    @classmethod
    def from_text(cls, text: str, alpha: float) -> "_Course":
        """What `text` was taken from; of a status that was edited by hand: the beginning."""
        try:
            edges, *tests = text.split("|")
            test = LatencyTest(harmful=_from_text(tests[0], alpha), harmless=_from_text(tests[-1], alpha))
            at = Thresholds(*map(int, edges.split())) if edges else None
        except (ValueError, TypeError, IndexError):
            return cls(test=LatencyTest.begun(alpha))
        return cls(test=test, thresholds=at)


def _to_text(test: ErrorRateTest) -> str:
    arms = (test.seen.candidate, test.seen.stable)
    return " ".join((*(f"{arm.tries} {arm.failures}" for arm in arms), test.state()))


def _from_text(text: str, alpha: float) -> ErrorRateTest:
    *counts, state = text.split(" ")
    tries, longer, stable_tries, stable_longer = map(int, counts)
    seen = Block(candidate=CountedTries(tries, longer), stable=CountedTries(stable_tries, stable_longer))
    return ErrorRateTest.restored(limits(alpha), seen, state)


def _block(found: ComparedLatencies, stable: int, candidate: int) -> Block:
    return Block(candidate=_arm(found.candidate, candidate), stable=_arm(found.stable, stable))


def _arm(timed: TimedTries, edge: int) -> CountedTries:
    return CountedTries(tries=timed.tries, failures=timed.longer[edge])


@dataclass(frozen=True, kw_only=True)
class LatencyQuantile(Gate):
    """Compares how often each version's tries exceed its threshold, by an e-process."""

    quantile: float
    """Such as 0.99."""
    margins: LatencyMargins
    alpha: float
    """Its share of the attempt's error budget: the probability of a false `fail`."""

    needs: ClassVar[tuple[type, ...]] = (ComparedLatencies,)
    statistical: ClassVar[bool] = True
    sample: ClassVar[str] = "tries"
    how_to_get_samples: ClassVar[str] = "no request has reached it in this step: send some"

    @classmethod
    def of(cls, entry: LatencyGate, alpha: float) -> "LatencyQuantile":
        """The gate that a spec names."""
        margin = duration.percent(entry.margin.relative)
        passing = duration.percent(entry.pass_margin.relative) if entry.pass_margin else margin
        margins = LatencyMargins(fails=margin, passes=max(margin, passing))
        return cls(
            name=entry.name,
            min_samples=entry.min_samples,
            min_step_samples=entry.min_step_samples,
            config=f"margin {100 * margins.fails:g}%, passMargin {100 * margins.passes:g}%",
            quantile=_QUANTILES[entry.name],
            margins=margins,
            alpha=alpha,
        )

    def gathers(self, during: StepConditions) -> bool:
        """Whether the candidate is tried at all."""
        return during.weight > 0 or during.mirror > 0

    def edges(self, state: str) -> tuple[int, ...]:
        """Stable's threshold and the candidate's."""
        at = _Course.from_text(state, self.alpha).thresholds
        return tuple(sorted({at.stable, at.harmful, at.harmless})) if at else ()

    def assess(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """The judgement with one interval more. The first one of a stage only says where the next is counted."""
        found = evidence.part(ComparedLatencies)
        course = _Course.from_text(seen.state, self.alpha).after(found)
        verdict = course.test.verdict(self.min_samples)
        told = self._told(course, verdict)
        if found.highest_edge is not None and not course.test.waits:
            at = Thresholds.of(found.stable.so_far, self.quantile, self.margins, found.highest_edge)
            course = replace(course, thresholds=at or course.thresholds)
        return Judgement(
            verdict=verdict,
            reason=MARGIN_REASONS[verdict],
            message=told,
            seen=GateMemory(
                samples=course.test.harmful.seen.candidate.tries,
                figures=tuple(self._figures(course, found)),
                bounds=self._bounds(course, found),
                state=course.text(),
            ),
        )

    @property
    def _word(self) -> str:
        return self.name.removeprefix("latency-")

    def _told(self, course: _Course, verdict: Verdict) -> str:
        """The numbers in a sentence for a person."""
        at, test = course.thresholds, course.test
        seen = test.harmful.seen
        if at is None or not seen.compares:
            return f"stable's {self._word} is not known yet, or one of the versions had no tries since it is"
        told = (
            f"{seen.candidate} took longer than {edge_ms(at.harmful):.3g} ms, "
            f"{seen.stable} at stable longer than {edge_ms(at.stable):.3g} ms, its {self._word}: "
        )
        slower = f"slower by more than {100 * self.margins.fails:g} %"
        within = f"slower by less than {100 * self.margins.passes:g} %"
        match verdict:
            case Verdict.FAIL:
                return f"{told}{slower}, error level {per_cent(self.alpha)}"
            case Verdict.PASS:
                return f"{told}{within}, error level {per_cent(FALSE_PROMOTION)}"
            case _:
                shown, excluded = odds(test.harmful.against.total), odds(test.harmless.in_favour.total)
                return (
                    f"{told}shown neither to be {slower} (odds {shown} of {1 / self.alpha:.3g} needed) "
                    f"nor {within} (odds {excluded} of {1 / FALSE_PROMOTION:.3g} needed)"
                )

    def _bounds(self, course: _Course, found: ComparedLatencies) -> tuple[Bound, ...]:
        test = course.test
        return (
            odds_bound(HARM, Verdict.FAIL, test.harmful.against.total, self.alpha),
            odds_bound(NO_HARM, Verdict.PASS, test.harmless.in_favour.total, FALSE_PROMOTION),
            number_bound(
                f"{self._word} above stable's, %", Verdict.FAIL, self._excess(found), 100 * self.margins.fails
            ),
        )

    def _excess(self, found: ComparedLatencies) -> float | None:
        """Per cent by which the candidate's percentile is above stable's; None: one of them is not known."""
        candidate, stable = (quantile_edge(one.so_far, self.quantile) for one in (found.candidate, found.stable))
        if candidate is None or stable is None or not (0 < stable < EDGES and candidate < EDGES):
            return None
        return 100 * (edge_ms(candidate) / edge_ms(stable) - 1)

    def _figures(self, course: _Course, found: ComparedLatencies) -> Iterator[Figure]:
        seen, at = course.test.harmful.seen, course.thresholds
        yield Figure(name=TRIES, candidate=seen.candidate.tries, stable=seen.stable.tries)
        yield Figure(name=LONGER, candidate=seen.candidate.failures, stable=seen.stable.failures)
        if at:
            yield Figure(name=THRESHOLD, candidate=_shown(at.harmful), stable=_shown(at.stable))
        candidate, stable = found.candidate.so_far, found.stable.so_far
        name = f"{self._word}, ms"
        yield from _figure(name, quantile_edge(candidate, self.quantile), quantile_edge(stable, self.quantile))
        least, most = zip(
            *(quantile_bounds(one, self.quantile, self.alpha) for one in (candidate, stable)), strict=True
        )
        yield from _figure(f"{name}, at least", *least)
        yield from _figure(f"{name}, at most", *most)


def _figure(name: str, candidate: int | None, stable: int | None) -> Iterator[Figure]:
    """A latency of both versions, where there is one of the version that is judged."""
    if candidate is not None and candidate < EDGES:
        yield Figure(
            name=name,
            candidate=_shown(candidate),
            stable=_shown(stable) if stable is not None and stable < EDGES else None,
        )


def _shown(edge: int) -> float:
    """An edge in milliseconds, to three digits."""
    return float(f"{edge_ms(edge):.3g}")
