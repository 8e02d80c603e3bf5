"""The gates of an attempt: evidence in, verdict out. Nothing else knows how a gate judges.

A gate's running test stands in status as text; a new stage or another margin begins a new one.
"""

from penstock_contracts.api import duration
from penstock_contracts.api.analysis import Analysis, ErrorRateGate
from penstock_contracts.api.status import GateResult, GateStatus, ModelDeploymentStatus, TryCount
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.error_rate import FALSE_ROLLBACK, ErrorRateTest
from penstock_controller.analysis.verdict import Verdict
from penstock_controller.rollout import evidence
from penstock_controller.rollout.evidence import Interval
from penstock_controller.rollout.observation import Observation
from penstock_controller.rollout.situation import Situation

_STAGES = 2
TRIAL, BAKE = "trial", "bake"


def gates_of(analysis: Analysis) -> tuple[ErrorRateGate, ...]:
    """The gates of a spec: the error rate where it names none."""
    return (ErrorRateGate(name="error-rate"),) if analysis.gates is None else analysis.gates


def gathered(situation: Situation) -> ModelDeploymentStatus:
    """The status with this pass's evidence in it: read once, judged by every gate."""
    status, observation = situation.status, situation.observation
    if observation.evidence is None:
        return status
    before = status.evidence
    if before is None or before.attempt != status.attempt:
        return evolve(status, evidence=evidence.begun(status.attempt, observation.evidence, observation.now))
    return _judged(situation.spec, status, observation)


def _judged(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, observation: Observation
) -> ModelDeploymentStatus:
    readings = observation.evidence or ()
    found = evidence.interval(status, readings)
    if found is None or status.evidence is None:
        return status
    stage = BAKE if status.previous else TRIAL
    gates = gates_of(spec.analysis)
    judged = (
        # No gateway pod told its counters: that promotes nothing, and is no fault of the candidate.
        _unread(_before(status, gate, stage))
        if not readings
        else _gate(gate, _before(status, gate, stage), found, len(gates))
        for gate in gates
    )
    return evolve(
        status,
        evidence=evidence.moved_on(status.evidence, readings, observation.now, found),
        gates=(*(gate for gate in status.gates if gate.stage != stage), *judged),
    )


def _unread(gate: GateStatus) -> GateStatus:
    message = "no gateway pod answered when its counters were asked for"
    return evolve(gate, verdict=Verdict.ERROR.value, message=message)


def _before(status: ModelDeploymentStatus, gate: ErrorRateGate, stage: str) -> GateStatus:
    for one in status.gates:
        if (one.name, one.stage, one.margin) == (gate.name, stage, gate.margin):
            return one
    return GateStatus(
        name=gate.name, stage=stage, margin=gate.margin, verdict=Verdict.INCONCLUSIVE.value, message="no evidence yet"
    )


def _gate(gate: ErrorRateGate, before: GateStatus, found: Interval, gates: int) -> GateStatus:
    margin = duration.percent(gate.margin)
    test = _restored(before, margin).after(Block(candidate=_arm(found.candidate), stable=_arm(found.stable)))
    alpha = FALSE_ROLLBACK / (_STAGES * gates)
    candidate, stable = evidence.added(before.candidate, found.candidate), evidence.added(before.stable, found.stable)
    return evolve(
        before,
        verdict=test.verdict(gate.min_samples, alpha).value,
        message=test.explain(gate.min_samples, alpha) + _kinds(candidate),
        candidate=candidate,
        stable=stable,
        state=test.state(),
    )


def _restored(before: GateStatus, margin: float) -> ErrorRateTest:
    if not before.state:
        return ErrorRateTest.begun(margin)
    totals = Block(candidate=_arm(before.candidate), stable=_arm(before.stable))
    try:
        return ErrorRateTest.restored(margin, totals, before.state)
    except ValueError:
        # Only a status that was edited by hand: the test begins anew.
        return ErrorRateTest.begun(margin)


def _arm(count: TryCount) -> CountedTries:
    return CountedTries(tries=count.tries, failures=count.failures)


def _kinds(candidate: TryCount) -> str:
    """What the failures were, most frequent first."""
    often = sorted(candidate.kinds.items(), key=lambda item: (-item[1], item[0]))[:4]
    return "; its failures: " + ", ".join(f"{kind} {count} times" for kind, count in often) if often else ""


def failed(status: ModelDeploymentStatus) -> GateStatus | None:
    """The first gate that fails; None: none does."""
    return next((gate for gate in status.gates if gate.verdict == Verdict.FAIL.value), None)


def verdicts(status: ModelDeploymentStatus, stage: str) -> str:
    """What the gates of a stage say, in a word each, to be put behind a sentence."""
    return "".join(f"; {gate.name}: {gate.verdict}" for gate in status.gates if gate.stage == stage)


def undecided(situation: Situation) -> str:
    """Which gates have not passed, and why; empty: all have."""
    judged = _on_trial(situation)
    return "; ".join(f"{gate.name}: {gate.message}" for gate in judged if gate.verdict != Verdict.PASS.value)


def seen(situation: Situation) -> int:
    """Tries of the candidate that every gate of this attempt has seen, by its margin as it is now."""
    return min((gate.candidate.tries for gate in _on_trial(situation)), default=0)


def unread(situation: Situation) -> bool:
    """Whether a gate could not be asked: that promotes nothing, and is no fault of the candidate."""
    return any(gate.verdict == Verdict.ERROR.value for gate in _on_trial(situation))


def _on_trial(situation: Situation) -> list[GateStatus]:
    """What the gates say that the spec names now: a margin that was edited a moment ago has seen nothing."""
    return [_before(situation.status, gate, TRIAL) for gate in gates_of(situation.spec.analysis)]


def results(status: ModelDeploymentStatus) -> tuple[GateResult, ...]:
    """What a decision record keeps."""
    return tuple(
        GateResult.model_validate(gate.model_dump(include=set(GateResult.model_fields))) for gate in status.gates
    )
