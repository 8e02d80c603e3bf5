"""Which versions' predictions are to be compared, and what the drift monitor's answer is as evidence. Pure."""

from typing import Final

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import PredictionDivergenceGate
from penstock_contracts.api.status import AttemptStage, ModelDeploymentStatus, Revision
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.divergence import DivergenceReport, DivergenceWish, ReplayWish
from penstock_controller.gates.evidence import MissingEvidence, PairedOutputs
from penstock_controller.rollout import reading_times, routing, shares
from penstock_controller.rollout.monitor_answer import CountsAnswer, served, why_missing
from penstock_controller.rollout.steps import setting_at, steps_of

_LAPSES_AFTER: Final = 60.0
_INTERVALS: Final = 3
"""Seconds, and looks, without which a replay ends by itself."""


def wish(spec: ModelDeploymentSpec, status: ModelDeploymentStatus) -> DivergenceWish | None:
    """What the monitor is to compare; None: no gate needs that, or nothing is judged now, or only by itself."""
    gate, arms = _gate(spec), _arms(status)
    if gate is None or arms is None or arms[0].digest == arms[1].digest:
        return None
    judged, beside = arms
    return DivergenceWish(
        attempt=status.attempt,
        candidate=served(judged),
        stable=served(beside),
        scale=gate.scale,
        replay=_replay(spec, status, gate),
    )


def part(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, answer: CountsAnswer[DivergenceReport]
) -> PairedOutputs | MissingEvidence | None:
    """The monitor's answer as a part of the evidence, or why there is none; None: no gate needs it."""
    if _gate(spec) is None:
        return None
    arms = _arms(status)
    if arms and arms[0].digest == arms[1].digest:
        return PairedOutputs(since="", same_model=True)
    found = answer.report
    missing = why_missing(installed=answer.installed, away=answer.away, answered=found is not None)
    if missing or found is None:
        return missing
    return PairedOutputs(
        since=found.since,
        candidate_rows=found.candidate_rows,
        stable_rows=found.stable_rows,
        unpredicted=found.unpredicted,
        pairs=found.pairs,
        classified=found.classified,
        flips=found.flips,
        scored=found.scored,
        total_difference=found.total_difference,
        differences=found.differences,
        unscaled=found.unscaled,
        recorded=found.recorded,
        recorded_pairs=found.recorded_pairs,
        failed=found.replay.failed if found.replay else 0,
        replay=found.replay,
    )


def _replay(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, gate: PredictionDivergenceGate
) -> ReplayWish | None:
    """The recorded requests that the candidate is to answer now; None: none.

    None before the gate's first look: what it finds there is not counted, and recorded requests do not come twice.
    """
    candidate = status.candidate
    asked = setting_at(steps_of(spec.strategy), candidate.step).replay if candidate else None
    if candidate is None or asked is None or routing.largest_weight(status.traffic, candidate.revision):
        return None
    looks = (one for one in status.gates if (one.name, one.stage) == (gate.name, AttemptStage.TRIAL) and one.state)
    look = next(looks, None)
    if look is None:
        return None
    interval = duration.seconds(spec.analysis.interval)
    return ReplayWish(
        test=look.config,
        max_requests=asked.max_requests,
        per_second=asked.rate,
        timeout_seconds=duration.seconds(spec.predictor.timeout),
        lapse_seconds=max(_LAPSES_AFTER, _INTERVALS * interval),
    )


def _gate(spec: ModelDeploymentSpec) -> PredictionDivergenceGate | None:
    gates = spec.analysis.gates or ()
    return next((gate for gate in gates if isinstance(gate, PredictionDivergenceGate)), None)


def _arms(status: ModelDeploymentStatus) -> tuple[Revision, Revision] | None:
    """The version that is judged, and the one beside it."""
    return shares.judged_and_beside(status) if reading_times.gathering(status) else None
