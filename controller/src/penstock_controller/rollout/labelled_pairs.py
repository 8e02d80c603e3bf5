"""Whose quality is to be compared by labels, and what the drift monitor's answer is as evidence. Pure."""

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import LiveQualityGate
from penstock_contracts.api.status import ModelDeploymentStatus, Revision
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_controller.gates.evidence import LabelledPairs, MissingEvidence
from penstock_controller.gates.live_quality import margin_of, tolerated_ratio
from penstock_controller.rollout import evidence, reading_times, shares
from penstock_controller.rollout.monitor_answer import CountsAnswer, served, why_missing
from penstock_controller.rollout.timestamps import moment, seconds_since


def wish(spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> PairedQualityWish | None:
    """What the monitor is to compare; None: no gate needs that, or nothing is judged now, or only by itself."""
    gate, arms = _gate(spec), _arms(status)
    if gate is None or arms is None or arms[0].digest == arms[1].digest or _is_delayed(gate, status):
        return None
    judged, beside = arms
    return PairedQualityWish(
        attempt=status.attempt,
        stage=evidence.stage_of(status).value,
        candidate=served(judged),
        stable=served(beside),
        metric=gate.metric,
        margin=margin_of(gate),
        tolerated=tolerated_ratio(gate),
        scale=gate.scale,
        positive=gate.positive or "",
    )


def part(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, answer: CountsAnswer[PairedQualityReport]
) -> LabelledPairs | MissingEvidence | None:
    """The monitor's answer as a part of the evidence, or why there is none; None: no gate needs it."""
    if _gate(spec) is None:
        return None
    arms = _arms(status)
    if arms and arms[0].digest == arms[1].digest:
        return LabelledPairs(since="", same_model=True)
    found = answer.report
    missing = why_missing(installed=answer.installed, away=answer.away, answered=found is not None)
    if missing or found is None:
        return missing
    return LabelledPairs(
        since=found.since,
        pairs=found.pairs,
        labelled=found.labelled,
        unusable=found.unusable,
        unscaled=found.unscaled,
        compared=found.compared,
        candidate_value=found.candidate_value,
        stable_value=found.stable_value,
        shortfalls=found.shortfalls,
        positive=found.positive,
        older_pairs=found.older_pairs,
        older_labelled=found.older_labelled,
    )


def _gate(spec: ModelDeploymentSpec) -> LiveQualityGate | None:
    gates = spec.analysis.gates or ()
    return next((gate for gate in gates if isinstance(gate, LiveQualityGate)), None)


def _arms(status: ModelDeploymentStatus) -> tuple[Revision, Revision] | None:
    """The version that is judged, and the one beside it."""
    return shares.judged_and_beside(status) if reading_times.gathering(status) else None


def _is_delayed(gate: LiveQualityGate, status: ModelDeploymentStatus) -> bool:
    """Whether nothing is to be counted yet: the monitor's counts begin with the first question."""
    seconds, before = duration.seconds(gate.initial_delay), status.evidence
    if not seconds:
        return False
    if before is None or before.attempt != status.attempt or before.stage is not evidence.stage_of(status):
        return True
    return before.since is None or seconds_since(before.since, moment(before.taken_at)) < seconds
