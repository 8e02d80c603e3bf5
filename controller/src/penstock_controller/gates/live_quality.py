"""The gate `live-quality`: by the labels that come for live requests, the candidate predicts as well as stable.

Both versions answered the same requests, so one label serves both. The drift monitor counts by how much the candidate
falls short: docs/decisions/0051-quality-by-paired-labels.md.
"""

from dataclasses import dataclass
from math import log
from typing import ClassVar

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import LiveQualityGate
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Bound, Figure
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.paired_quality import SHORTFALLS
from penstock_contracts.quality import QualityMetric
from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.shortfall import Shortfall
from penstock_controller.analysis.wording import odds, per_cent
from penstock_controller.gates.bounds import HARM, NO_HARM, number_bound, odds_bound
from penstock_controller.gates.evidence import Evidence, LabelledPairs
from penstock_controller.gates.gate import Gate, GateMemory, Judgement, StepConditions

FALSE_PASS = 0.05
"""Probability that the gate passes a candidate that is worse by its margin or more."""
_FEWEST = 20
"""Without so many values that were compared there is no `fail`, however long the odds."""
_ABSOLUTE, _RELATIVE = "2%", "5%"
_PASSED = "passed"


def margin_of(entry: LiveQualityGate) -> float:
    """How much less of the metric is tolerated; of a loss, which part of stable's more."""
    return duration.percent(_written(entry))


def tolerated_ratio(entry: LiveQualityGate) -> float:
    """The candidate's loss may be so many times stable's; 1: the margin is no ratio. For rmse, of squared errors."""
    if not entry.metric.is_loss:
        return 1.0
    ratio = 1 + margin_of(entry)
    return ratio**2 if entry.metric is QualityMetric.RMSE else ratio


@dataclass(frozen=True, kw_only=True)
class LabelledQuality(Gate):
    """Compares two versions' quality by betting on the mean of what the candidate falls short of stable."""

    metric: QualityMetric
    margin: float
    """How much less of the metric is tolerated; of a loss, which part of stable's more."""
    coverage: float
    """Share of the older requests that must have a label."""
    alpha: float
    """Probability of a false `fail`: its share of the attempt's error budget."""

    needs: ClassVar[tuple[type, ...]] = (LabelledPairs,)
    statistical: ClassVar[bool] = True
    sample: ClassVar[str] = "labelled pairs"
    how_to_get_samples: ClassVar[str] = (
        "no label has come for a request that both versions answered: send labels to the drift monitor"
    )

    @classmethod
    def of(cls, entry: LiveQualityGate, alpha: float) -> "LabelledQuality":
        """The gate that a spec names."""
        asked = (("scale", entry.scale), ("positive", entry.positive))
        more = "".join(f", {name} {value}" for name, value in asked if value is not None)
        return cls(
            name=entry.name,
            min_samples=entry.min_samples,
            config=f"{entry.metric.value} margin {_written(entry)}{more}"[:256],
            deadline=duration.seconds(entry.deadline),
            metric=entry.metric,
            margin=margin_of(entry),
            coverage=duration.percent(entry.coverage),
            alpha=alpha,
        )

    def gathers(self, during: StepConditions) -> bool:
        """Whether both versions answer the same requests: one label must serve both."""
        return during.makes_pairs

    def assess(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """The judgement with the labels that came up to now."""
        found = evidence.part(LabelledPairs)
        if found.same_model:
            message = "both versions serve the same model, byte for byte"
            return Judgement(verdict=Verdict.PASS, reason=Reason.SAME_MODEL, message=message, seen=seen)
        verdict, reason, why = self._verdict(found, passed=seen.state == _state_of_a_pass(found))
        state = _state_of_a_pass(found) if verdict is Verdict.PASS else found.since
        now = GateMemory(samples=_usable(found), figures=self._figures(found), bounds=self._bounds(found), state=state)
        return Judgement(verdict=verdict, reason=reason, message=self._told(found) + why, seen=now)

    def samples_per_request(self, spec: ModelDeploymentSpec) -> float:
        """A request has one row at least, and this share of them is recorded."""
        return (spec.predictor.logger.sample_rate if spec.predictor.logger else 0.0) or 1.0

    def _verdict(self, found: LabelledPairs, *, passed: bool) -> tuple[Verdict, Reason, str]:
        """`passed`: it has said so of these counts. What was shown stays shown, unless the contrary is."""
        if not found.compared:
            reason, why = _why_nothing(found, self.metric)
            return Verdict.INCONCLUSIVE, reason, why
        test = self._test(found)
        above, below = test.log_odds_above, test.log_odds_below
        fails, passes = above >= -log(self.alpha), below >= -log(FALSE_PASS)
        more, less = self._in_words("more"), self._in_words("less")
        lacking = self._lacking(found, fails=fails)
        if fails and not lacking:
            return Verdict.FAIL, Reason.MARGIN_EXCEEDED, f"{more}, error level {per_cent(self.alpha)}"
        if passed or (passes and not lacking):
            return Verdict.PASS, Reason.WITHIN_MARGIN, f"{less}, error level {per_cent(FALSE_PASS)}"
        if lacking:
            seems = more if fails else less if passes else ""
            return Verdict.INCONCLUSIVE, lacking[0], f"it seems {seems}, but {lacking[1]}" if seems else lacking[1]
        needed = (
            f"shown neither to be {more} (odds {odds(above)} of {1 / self.alpha:.3g} needed) "
            f"nor {less} (odds {odds(below)} of {1 / FALSE_PASS:.3g} needed)"
        )
        return Verdict.INCONCLUSIVE, Reason.NOT_DECIDED, needed

    def _test(self, found: LabelledPairs) -> Shortfall:
        """A loss is counted with what is tolerated of it, so that nothing above 0 is."""
        limit = 0.0 if self.metric.is_loss else self.margin
        return Shortfall(limit, tuple(zip(SHORTFALLS, found.shortfalls, strict=True)))

    def _lacking(self, found: LabelledPairs, *, fails: bool) -> tuple[Reason, str] | None:
        """What is not there yet, whatever the odds; None: enough is."""
        covered = _covered(found)
        if covered < self.coverage:
            return Reason.COVERAGE_TOO_LOW, (
                f"labels have come for {per_cent(covered)} of the older requests, and {per_cent(self.coverage)} are "
                "needed (coverage): those that have one may be special"
            )
        if fails:
            few = found.compared < _FEWEST
            return (Reason.NOT_DECIDED, f"only {found.compared} of {_FEWEST} values were compared") if few else None
        samples = _usable(found)
        if samples < self.min_samples:
            return Reason.NOT_DECIDED, f"{samples} of {self.min_samples} labelled pairs were seen (minSamples)"
        return None

    def _in_words(self, word: str) -> str:
        if self.metric.is_loss:
            return f"{word} than {per_cent(self.margin)} above stable's"
        return f"lower by {word} than {self.margin:.4g}"

    def _told(self, found: LabelledPairs) -> str:
        if found.candidate_value is None or found.stable_value is None:
            return ""
        values = f"{self.metric.value} {found.candidate_value:.4g} beside stable's {found.stable_value:.4g}"
        rows = f"{_usable(found)} labelled pairs"
        if self.metric is QualityMetric.ROC_AUC:
            rows += f", {found.compared} of class {found.positive} compared"
        return f"{values} ({rows}): "

    def _bounds(self, found: LabelledPairs) -> tuple[Bound, ...]:
        covered = number_bound("coverage, %", Verdict.PASS, 100 * _covered(found), 100 * self.coverage)
        if found.candidate_value is None or found.stable_value is None:
            return (covered,)
        test, candidate, stable = self._test(found), found.candidate_value, found.stable_value
        odds_of = (
            odds_bound(HARM, Verdict.FAIL, test.log_odds_above, self.alpha),
            odds_bound(NO_HARM, Verdict.PASS, test.log_odds_below, FALSE_PASS),
        )
        if not self.metric.is_loss:
            below = number_bound(f"{self.metric.value} below stable's", Verdict.FAIL, stable - candidate, self.margin)
            return (*odds_of, below, covered)
        excess = 100 * (candidate / stable - 1) if stable else None
        above = number_bound(f"{self.metric.value} above stable's, %", Verdict.FAIL, excess, 100 * self.margin)
        return (*odds_of, above, covered)

    def _figures(self, found: LabelledPairs) -> tuple[Figure, ...]:
        figures = [Figure(name="pairs", candidate=found.pairs), Figure(name="labelled pairs", candidate=found.labelled)]
        if found.older_pairs:
            figures.append(Figure(name="coverage", candidate=round(_covered(found), 4)))
        if found.candidate_value is not None and found.stable_value is not None:
            figures.append(Figure(name="compared", candidate=found.compared))
            values = (round(value, 6) for value in (found.candidate_value, found.stable_value))
            figures.append(Figure(name=self.metric.value, candidate=next(values), stable=next(values)))
        return tuple(figures)


def _written(entry: LiveQualityGate) -> str:
    """The margin in the spec's words."""
    return (entry.margin.relative or _RELATIVE) if entry.metric.is_loss else (entry.margin.absolute or _ABSOLUTE)


def _usable(found: LabelledPairs) -> int:
    return found.labelled - found.unusable - found.unscaled


def _covered(found: LabelledPairs) -> float:
    """Share of the older requests that have a label."""
    return found.older_labelled / found.older_pairs if found.older_pairs else 0.0


def _state_of_a_pass(found: LabelledPairs) -> str:
    return f"{found.since} {_PASSED}"


def _why_nothing(found: LabelledPairs, metric: QualityMetric) -> tuple[Reason, str]:
    """Why nothing could be compared."""
    if not found.pairs:
        return Reason.NO_PAIRS, "no request was answered by both versions and recorded"
    if not found.labelled:
        return Reason.NO_LABELS, (
            f"no label has come for any of the {found.pairs} requests that both versions answered: send labels to the "
            "drift monitor (POST /v1/labels)"
        )
    if found.unscaled:
        return Reason.NOT_DECIDED, (
            f"{found.labelled} labels came; the first ones tell which error is large, and are not compared (scale)"
        )
    if not _usable(found):
        return Reason.LABELS_UNUSABLE, (
            f"{found.labelled} labels came, and with none of them both versions' predictions can be judged by "
            f"{metric.value}: write another metric, or positive"
        )
    return Reason.NOT_DECIDED, f"{_usable(found)} labels came, and all are of one class: {metric.value} needs both"
