"""The gate `prediction-divergence`: for the same inputs, the candidate predicts what stable predicts.

Pairs are counted by the drift monitor, and compared one by one: docs/decisions/0048-prediction-divergence.md. They may
be of recorded requests that the candidate answers later than stable did: docs/decisions/0054-replay.md.
"""

from dataclasses import dataclass, replace
from math import log
from typing import ClassVar

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import ComparedPart, PredictionDivergenceGate
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Bound, Figure
from penstock_contracts.api.strategy import SetReplay
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.divergence import DIFFERENCE_BINS, DIFFERENCE_EDGES, ReplayProblem, ReplayReport
from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.paired_mean import DifferenceCount, PairedMean, pairs_to_show_below
from penstock_controller.analysis.wording import odds, per_cent
from penstock_controller.gates.bounds import HARM, NO_HARM, number_bound, odds_bound
from penstock_controller.gates.evidence import Evidence, PairedOutputs
from penstock_controller.gates.gate import Gate, GateMemory, Judgement, StepConditions

FALSE_PASS = 0.05
"""Probability that the gate passes a candidate whose predictions differ by `max` or more."""
_FEWEST = 5
"""Without so many pairs that differ there is no `fail`, however long the odds: inputs that are alike may come
together."""
_ENDED_BY: dict[str, Reason] = {
    ReplayProblem.COLUMNS_NOT_RECORDED: Reason.COLUMNS_NOT_RECORDED,
    ReplayProblem.NOTHING_RECORDED: Reason.NOTHING_RECORDED,
}
"""What waiting does not mend."""
_CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
_MILLIONTHS = 1e6


@dataclass(frozen=True, kw_only=True)
class PredictionDivergence(Gate):
    """Compares pairs of predictions by betting on the mean of their differences."""

    limit: float
    """Share of class changes, or mean difference, that is tolerated; within (0, 1)."""
    alpha: float
    """Probability of a false `fail`: its share of the attempt's error budget."""
    part: ComparedPart | None
    """What of the predictions is compared; None: classes where the model names them."""

    needs: ClassVar[tuple[type, ...]] = (PairedOutputs,)
    statistical: ClassVar[bool] = True
    sample: ClassVar[str] = "pairs of predictions"
    how_to_get_samples: ClassVar[str] = "no request was answered, and recorded, by both versions in this step"

    @classmethod
    def of(cls, entry: PredictionDivergenceGate, alpha: float) -> "PredictionDivergence":
        """The gate that a spec names."""
        compared = f", compare {entry.compare.value}" if entry.compare else ""
        return cls(
            name=entry.name,
            min_samples=entry.min_samples,
            min_step_samples=entry.min_step_samples,
            config=f"max {entry.max}{compared}",
            limit=duration.percent(entry.max),
            alpha=alpha,
            part=entry.compare,
        )

    def gathers(self, during: StepConditions) -> bool:
        """Whether requests are copied or replayed, so that both versions answer them, and both are recorded."""
        return during.makes_pairs or (during.replay is not None and during.records)

    def assess(self, evidence: Evidence, seen: GateMemory) -> Judgement:
        """The judgement with what was counted up to now."""
        found = evidence.part(PairedOutputs)
        if found.same_model:
            message = "both versions serve the same model, byte for byte"
            return Judgement(verdict=Verdict.PASS, reason=Reason.SAME_MODEL, message=message, seen=seen)
        first = _restored(seen.state)
        if first is None or first.since != found.since:
            first = found
        counted = found.minus(first)
        pairs = self._differences(counted)
        verdict, reason, why = self._verdict(counted, pairs)
        if verdict is Verdict.INCONCLUSIVE and counted.replay:
            reason, why = _with_replay(reason, why, counted.replay, pairs)
        told = f"{_told(counted, pairs)}: {why}" if pairs.total else why
        now = GateMemory(
            samples=pairs.total,
            figures=_figures(counted, pairs),
            bounds=self._bounds(counted, pairs),
            state=_state(first),
        )
        return Judgement(verdict=verdict, reason=reason, message=told, seen=now)

    def samples_to_pass(self, seen: GateMemory, share: float) -> int:  # noqa: ARG002
        """Pairs that a candidate which predicts as stable does is likely to need."""
        return max(self.min_samples, pairs_to_show_below(self.limit, 0.0, FALSE_PASS) or 0)

    def samples_per_request(self, spec: ModelDeploymentSpec) -> float:
        """A request has one row at least, and this share of them is recorded."""
        return (spec.predictor.logger.sample_rate if spec.predictor.logger else 0.0) or 1.0

    def replayed(self, during: StepConditions) -> SetReplay | None:
        """A request has one row at least."""
        return during.replay

    def _differences(self, counted: PairedOutputs) -> "_Differences":
        failed = (DifferenceCount(1.0, 1.0, counted.failed),) if counted.failed else ()
        if self.part is ComparedPart.CLASSES or (self.part is None and counted.classified):
            same = DifferenceCount(0.0, 0.0, counted.classified - counted.flips)
            return _Differences((same, DifferenceCount(1.0, 1.0, counted.flips), *failed), classes=True)
        edges = zip(DIFFERENCE_EDGES, DIFFERENCE_EDGES[1:], counted.differences, strict=False)
        bins = (DifferenceCount(low, high, pairs) for low, high, pairs in edges)
        return _Differences((*bins, *failed), classes=False)

    def _verdict(self, counted: PairedOutputs, pairs: "_Differences") -> tuple[Verdict, Reason, str]:
        if not pairs.total:
            return Verdict.INCONCLUSIVE, Reason.NO_PAIRS, self._why_none(counted)
        mean = PairedMean(self.limit, pairs.counts)
        above, below = mean.log_odds_above, mean.log_odds_below
        more, less = f"more than {per_cent(self.limit)}", f"less than {per_cent(self.limit)}"
        if above >= -log(self.alpha):
            differ = sum(count.pairs for count in pairs.counts if count.low >= self.limit)
            if differ >= _FEWEST:
                level = per_cent(self.alpha)
                return Verdict.FAIL, Reason.PREDICTIONS_DIVERGE, f"{more}, error level {level}"
            why = f"it seems {more}, but only {differ} of {_FEWEST} pairs that differ were seen"
            return Verdict.INCONCLUSIVE, Reason.NOT_DECIDED, why
        if below >= -log(FALSE_PASS):
            if pairs.total >= self.min_samples:
                return Verdict.PASS, Reason.PREDICTIONS_AGREE, f"{less}, error level {per_cent(FALSE_PASS)}"
            why = f"it seems {less}, but only {pairs.total} of {self.min_samples} pairs were seen"
            return Verdict.INCONCLUSIVE, Reason.NOT_DECIDED, why
        why = (
            f"shown neither to be {more} (odds {odds(above)} of {1 / self.alpha:.3g} needed) "
            f"nor {less} (odds {odds(below)} of {1 / FALSE_PASS:.3g} needed)"
        )
        return Verdict.INCONCLUSIVE, Reason.NOT_DECIDED, why

    def _bounds(self, counted: PairedOutputs, pairs: "_Differences") -> tuple[Bound, ...]:
        if not pairs.total:
            return ()
        mean = PairedMean(self.limit, pairs.counts)
        seen = (counted.flips if pairs.classes else counted.total_difference) / pairs.total
        return (
            odds_bound(HARM, Verdict.FAIL, mean.log_odds_above, self.alpha),
            odds_bound(NO_HARM, Verdict.PASS, mean.log_odds_below, FALSE_PASS),
            number_bound("difference, %", Verdict.FAIL, 100 * seen, 100 * self.limit),
        )

    def _why_none(self, counted: PairedOutputs) -> str:
        if counted.unscaled:
            return (
                f"{counted.unscaled} pairs of numbers came, and it is not known which difference is large: write "
                "scale, or log a reference sample with a column prediction"
            )
        if counted.pairs:
            has = "class" if self.part is ComparedPart.CLASSES else "number"
            return f"{counted.pairs} pairs came, and neither version predicts a {has}: write another compare"
        if counted.unpredicted:
            return f"{counted.unpredicted} rows were recorded whose outputs have no column that is a class or a number"
        records = f"{counted.candidate_rows} rows of the candidate were recorded and {counted.stable_rows} of stable"
        return f"no request was answered by both versions: {records}"


@dataclass(frozen=True)
class _Differences:
    counts: tuple[DifferenceCount, ...]
    classes: bool

    @property
    def total(self) -> int:
        return sum(count.pairs for count in self.counts)


def _told(counted: PairedOutputs, pairs: _Differences) -> str:
    """Which predictions differ, on which requests, and which requests failed."""
    compared = pairs.total - counted.failed
    found: list[str] = []
    if compared and pairs.classes:
        found.append(f"{counted.flips} of {compared} predictions differ ({per_cent(counted.flips / compared)})")
    elif compared:
        mean = per_cent(counted.total_difference / compared)
        found.append(f"{compared} predictions differ by {mean} of their range on average")
    if counted.recorded and found:
        which = "" if counted.recorded_pairs == counted.pairs else f", {counted.recorded_pairs} of them"
        found[-1] += f"{which} on {counted.recorded} recorded requests"
    if counted.failed:
        kinds = counted.replay.failures if counted.replay else {}
        shown = ", ".join(f"{number} x {_kind(word)}" for word, number in sorted(kinds.items()))
        found.append(f"{counted.failed} recorded requests failed that stable had answered ({shown})")
    return "; ".join(found)


def _kind(word: str) -> str:
    return f"HTTP {word}" if word.isdigit() else word


def _with_replay(reason: Reason, why: str, replay: ReplayReport, pairs: _Differences) -> tuple[Reason, str]:
    """A reason, and why in words, where a replay is under way or has ended and nothing is decided."""
    if replay.problem:
        return _ENDED_BY.get(replay.problem, reason), f"{why}; nothing is replayed: {replay.message}"
    if not replay.chosen:
        return reason, why
    done = replay.answered + replay.failed
    gone = f", {replay.gone} of them have left the records" if replay.gone else ""
    if replay.over:
        return Reason.REPLAY_OVER, f"{why}; all {replay.chosen} recorded requests were asked{gone}"
    told = f"{done} of {replay.chosen} recorded requests are answered{gone}"
    return reason, f"{why}; {told}" if pairs.total else told


def _figures(counted: PairedOutputs, pairs: _Differences) -> tuple[Figure, ...]:
    found = [Figure(name="pairs", candidate=pairs.total)]
    if counted.classified:
        found.append(Figure(name="flips", candidate=counted.flips))
    if counted.scored:
        found.append(Figure(name="mean difference", candidate=round(counted.total_difference / counted.scored, 6)))
    if counted.recorded or counted.failed:
        found.append(Figure(name="recorded requests", candidate=counted.recorded))
        found.append(Figure(name="failed recorded requests", candidate=counted.failed))
    found.append(Figure(name="recorded rows", candidate=counted.candidate_rows, stable=counted.stable_rows))
    return tuple(found)


def _state(first: PairedOutputs) -> str:
    """What there was at the first look: of counts below a thousand million, at most 500 characters."""
    total = round(first.total_difference * _MILLIONTHS)
    numbers = (
        *(first.candidate_rows, first.stable_rows, first.pairs, first.classified, first.flips, first.scored),
        *(total, first.unscaled, first.unpredicted, *first.differences),
        *(first.recorded, first.recorded_pairs, first.failed),
    )
    return f"{first.since} {','.join(_digits(number) for number in numbers)}"


def _restored(state: str) -> PairedOutputs | None:
    """What `_state` was made of; None: nothing was seen yet, or a status was edited by hand."""
    try:
        since, text = state.rsplit(" ", 1)
        candidate, stable, pairs, classified, flips, scored, total, *others = map(_number, text.split(","))
        unscaled, unpredicted, *bins = others
        # An older controller wrote none of the last three.
        *bins, recorded, recorded_pairs, failed = bins if len(bins) != DIFFERENCE_BINS else [*bins, 0, 0, 0]
    except ValueError:
        return None
    found = PairedOutputs(
        since=since,
        candidate_rows=candidate,
        stable_rows=stable,
        pairs=pairs,
        classified=classified,
        flips=flips,
        scored=scored,
        total_difference=total / _MILLIONTHS,
        unscaled=unscaled,
        unpredicted=unpredicted,
        recorded=recorded,
        recorded_pairs=recorded_pairs,
        failed=failed,
    )
    return replace(found, differences=tuple(bins)) if len(bins) == len(found.differences) else None


def _digits(number: int) -> str:
    """Base 64; nothing for 0."""
    text = ""
    while number:
        number, digit = divmod(number, len(_CHARACTERS))
        text = _CHARACTERS[digit] + text
    return text


def _number(text: str) -> int:
    found = 0
    for character in text:
        found = found * len(_CHARACTERS) + _CHARACTERS.index(character)
    return found
