"""Nothing on trial: serve, refuse, wait, or start an attempt. What is not compatible with stable never gets a pod."""

from typing import assert_never

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import GateStatus, Phase, Refusal, Stable
from penstock_contracts.base import evolve
from penstock_contracts.verdict import Verdict
from penstock_controller.rollout import attempt, children, hold, serving, verdicts
from penstock_controller.rollout.context import SHORTLY, RolloutContext, Transition
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.observation import RefusedVersion, Unresolved, Wanted
from penstock_controller.rollout.refusal import is_refused


def advance(context: RolloutContext) -> Transition:
    """Judge what is wanted."""
    # What the gate preflight said of a version that is not wanted any more.
    context = context.with_status(evolve(context.status, gates=()))
    match context.observation.target:
        case Wanted() as wanted:
            return _judge(context, wanted)
        case RefusedVersion() as refused:
            return _refuse(context, refused)
        case Unresolved() as unresolved:
            return _wait(context, unresolved)
        case never:
            assert_never(never)


def _judge(context: RolloutContext, wanted: Wanted) -> Transition:
    stable, refused = context.status.stable, context.status.refused
    if stable and stable.revision == wanted.revision:
        return _settle(context, stable, wanted)
    if refused and is_refused(refused, wanted, context.observation.generation):
        return _rest(context, f"version {wanted.version} was refused: {refused.message}")
    if context.spec.paused:
        return _rest(context, f"paused (spec.paused): version {wanted.version} is not started")
    if context.observation.turn:
        return _rest(context, f"version {wanted.version} in other predictor pods {context.observation.turn}")
    return _look_before(context, wanted)


def _look_before(context: RolloutContext, wanted: Wanted) -> Transition:
    """What the gate preflight says decides whether a pod may start."""
    checked, gate = verdicts.preflight(context, wanted), context.preflight
    if checked is None or gate is None or gate.lets_start(checked.verdict):
        return attempt.start(context, wanted, checked)
    if gate.refuses(checked.verdict):
        return attempt.refuse(context, wanted, checked)
    return _hold_back(context, wanted, checked)


def _hold_back(context: RolloutContext, wanted: Wanted, checked: GateStatus) -> Transition:
    """Whether it may start cannot be said: nothing starts, and it is said why."""
    status = evolve(context.status, gates=(checked,))
    told = f"version {wanted.version} is not started: {checked.name}: {checked.message}"
    rest = _rest(context.with_status(status), told)
    return Transition(status=rest.status, requeue_after=SHORTLY if checked.verdict is Verdict.ERROR else None)


def _settle(context: RolloutContext, stable: Stable, wanted: Wanted) -> Transition:
    """Stable is what is wanted. A version with stable's bytes moves the label only."""
    told = Announcement(
        type="Normal",
        reason=Reason.VERSION_RELABELLED,
        message=f"version {wanted.version} has the bytes that already serve: no rollout",
        attempt=context.status.attempt,
    )
    relabelled = evolve(stable, version=wanted.version, generation=context.observation.generation)
    status = evolve(context.status, stable=relabelled, refused=None)
    rest = _rest(context.with_status(status), f"version {wanted.version} serves{hold.note(status)}")
    return Transition(status=rest.status, announcements=() if relabelled.version == stable.version else (told,))


def _rest(context: RolloutContext, message: str) -> Transition:
    phase, stable = context.resting_phase(), context.status.stable
    if phase is Phase.DEGRADED and stable:
        message = _why_degraded(context, stable) + children.hindrance_of(context.observation, stable.revision)
    return Transition(status=evolve(context.status, phase=phase, message=message))


def _why_degraded(context: RolloutContext, stable: Stable) -> str:
    if context.ready(stable.revision):
        return serving.service(context.status, context.observation).message
    return serving.no_ready_pod(stable.version, context.workload(stable.revision))


def _wait(context: RolloutContext, unresolved: Unresolved) -> Transition:
    stable = context.status.stable
    told = unresolved.message if stable is None or unresolved.permanent else f"version {stable.version} serves"
    rest = _rest(context, told)
    return Transition(status=rest.status, requeue_after=None if unresolved.permanent else SHORTLY)


def _refuse(context: RolloutContext, target: RefusedVersion) -> Transition:
    message = f"version {target.version} is refused: {target.message}"
    refusal = Refusal(
        version=target.version,
        created_at_ms=target.created_at_ms,
        generation=context.observation.generation,
        reason=target.reason,
        message=target.message,
    )
    attempts = context.status.attempt
    told = Announcement(type="Warning", reason=target.reason, message=message, attempt=attempts, refusal=True)
    before = context.status.refused
    is_news = before is None or (before.version, before.reason) != (target.version, target.reason)
    status = evolve(context.status, refused=refusal)
    rest = _rest(context.with_status(status), message)
    return Transition(status=rest.status, announcements=(told,) if is_news else ())
