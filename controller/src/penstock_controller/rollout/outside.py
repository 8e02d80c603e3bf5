"""What is told of the services outside that gates ask: a condition. Pure."""

from collections.abc import Iterable

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_controller.gates.looks import OutsideLook, OutsideLooks, Unanswered
from penstock_controller.rollout import questions
from penstock_controller.rollout.condition import ConditionState
from penstock_controller.rollout.observation import Observation

AVAILABLE = "MeasurementsAvailable"
_RESTS = "they are asked while a version is judged"


def judgements(spec: ModelDeploymentSpec, observation: Observation) -> tuple[ConditionState, ...]:
    """The condition about them; empty: no gate asks any."""
    if not questions.entries(spec):
        return ()
    if observation.outside_refusals:
        told = _sentences(observation.outside_refusals.items())
        return (ConditionState(type=AVAILABLE, status=False, reason=Reason.NO_SUCH_SOURCE, message=told),)
    looks = next((part.looks for part in observation.measured if isinstance(part, OutsideLooks)), {})
    away = [(title, _why(look)) for title, look in sorted(looks.items()) if isinstance(look.answer, Unanswered)]
    if away:
        return (ConditionState(type=AVAILABLE, status=False, reason=Reason.MEASUREMENT_AWAY, message=_sentences(away)),)
    if looks:
        return (ConditionState(type=AVAILABLE, status=True, reason=Reason.ANSWERED, message=""),)
    return (ConditionState(type=AVAILABLE, status=True, reason=Reason.NOT_ASKED, message=_RESTS),)


def _why(look: OutsideLook) -> str:
    return look.answer.why if isinstance(look.answer, Unanswered) else ""


def _sentences(found: Iterable[tuple[str, str]]) -> str:
    return "; ".join(f"{title}: {why}" for title, why in found)
