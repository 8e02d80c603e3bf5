"""What is told of recorded requests that candidates are to answer: a condition. Pure."""

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.divergence import ReplayProblem
from penstock_controller.gates.evidence import PairedOutputs
from penstock_controller.rollout.condition import ConditionState
from penstock_controller.rollout.observation import Observation
from penstock_controller.rollout.steps import steps_of

AVAILABLE = "ReplayAvailable"
_RESTS = "recorded requests are looked for while a version is on trial"
_WORDS: dict[str, Reason] = {
    ReplayProblem.COLUMNS_NOT_RECORDED: Reason.COLUMNS_NOT_RECORDED,
    ReplayProblem.NOTHING_RECORDED: Reason.NOTHING_RECORDED,
    ReplayProblem.REPLAY_NOT_REACHED: Reason.REPLAY_NOT_REACHED,
}
_AWAY = {Reason.NO_MONITOR, Reason.MONITOR_AWAY}


def judgement(spec: ModelDeploymentSpec, observation: Observation) -> ConditionState | None:
    """The condition; None: no step asks for it."""
    if not any(step.set_replay for step in steps_of(spec.strategy)):
        return None
    missing = observation.not_measured.get(PairedOutputs)
    if missing is not None and missing.reason in _AWAY:
        return ConditionState(type=AVAILABLE, status=False, reason=missing.reason, message=missing.message)
    parts = (part.replay for part in observation.measured if isinstance(part, PairedOutputs))
    replay = next(parts, None)
    if replay is not None and replay.problem:
        word = _WORDS.get(replay.problem, replay.problem)
        return ConditionState(type=AVAILABLE, status=False, reason=word, message=replay.message)
    if replay is not None:
        return ConditionState(type=AVAILABLE, status=True, reason=Reason.REPLAYING, message="")
    return _before(spec)


def _before(spec: ModelDeploymentSpec) -> ConditionState:
    """What the spec alone tells, before a version is on trial."""
    logger = spec.predictor.logger
    missing = (*logger.exclude, *logger.hash) if logger else ()
    if not missing:
        return ConditionState(type=AVAILABLE, status=True, reason=Reason.NOT_ASKED, message=_RESTS)
    message = (
        f"spec.predictor.logger leaves out or hashes {', '.join(missing)}: if one of them is an input of the model, no "
        "request can be replayed; take it out there, or take setReplay out of spec.strategy.canary.steps"
    )
    return ConditionState(type=AVAILABLE, status=None, reason=Reason.COLUMNS_NOT_RECORDED, message=message)
