"""Nothing on trial: serve, refuse, wait, or start an attempt."""

from typing import assert_never

from penstock_contracts.api.status import Phase, Refusal, Stable
from penstock_contracts.base import evolve
from penstock_controller.rollout import attempt, children, hold, serving
from penstock_controller.rollout.actions import Announcement
from penstock_controller.rollout.observation import RefusedVersion, Unresolved, Wanted
from penstock_controller.rollout.refusal import is_refused
from penstock_controller.rollout.situation import SHORTLY, Situation, Step


def advance(situation: Situation) -> Step:
    """Judge what is wanted."""
    match situation.observation.target:
        case Wanted() as wanted:
            return _judge(situation, wanted)
        case RefusedVersion() as refused:
            return _refuse(situation, refused)
        case Unresolved() as unresolved:
            return _wait(situation, unresolved)
        case never:
            assert_never(never)


def _judge(situation: Situation, wanted: Wanted) -> Step:
    stable, refused = situation.status.stable, situation.status.refused
    if stable and stable.revision == wanted.revision:
        return _settle(situation, stable, wanted)
    if refused and is_refused(refused, wanted, situation.observation.generation):
        return _rest(situation, f"version {wanted.version} was refused: {refused.message}")
    if situation.spec.paused:
        return _rest(situation, f"paused (spec.paused): version {wanted.version} is not started")
    if situation.observation.turn:
        return _rest(situation, f"version {wanted.version} in other predictor pods {situation.observation.turn}")
    return attempt.start(situation, wanted)


def _settle(situation: Situation, stable: Stable, wanted: Wanted) -> Step:
    """Stable is what is wanted. A version with stable's bytes moves the label only."""
    told = Announcement(
        type="Normal",
        reason="VersionRelabelled",
        message=f"version {wanted.version} has the bytes that already serve: no rollout",
        attempt=situation.status.attempt,
    )
    relabelled = evolve(stable, version=wanted.version, generation=situation.observation.generation)
    status = evolve(situation.status, stable=relabelled, refused=None)
    rest = _rest(situation.with_status(status), f"version {wanted.version} serves{hold.note(status)}")
    return Step(status=rest.status, announcements=() if relabelled.version == stable.version else (told,))


def _rest(situation: Situation, message: str) -> Step:
    phase, stable = situation.resting_phase(), situation.status.stable
    if phase is Phase.DEGRADED and stable:
        message = _why_degraded(situation, stable) + children.hindered(situation.observation, stable.revision)
    return Step(status=evolve(situation.status, phase=phase, message=message))


def _why_degraded(situation: Situation, stable: Stable) -> str:
    if situation.ready(stable.revision):
        return serving.service(situation.status, situation.observation).message
    return serving.no_ready_pod(stable.version, situation.workload(stable.revision))


def _wait(situation: Situation, unresolved: Unresolved) -> Step:
    stable = situation.status.stable
    told = unresolved.message if stable is None or unresolved.permanent else f"version {stable.version} serves"
    rest = _rest(situation, told)
    return Step(status=rest.status, look_again=None if unresolved.permanent else SHORTLY)


def _refuse(situation: Situation, target: RefusedVersion) -> Step:
    message = f"version {target.version} is refused: {target.message}"
    refusal = Refusal(
        version=target.version,
        created_at_ms=target.created_at_ms,
        generation=situation.observation.generation,
        reason=target.reason,
        message=target.message,
    )
    attempts = situation.status.attempt
    told = Announcement(type="Warning", reason=target.reason, message=message, attempt=attempts, refusal=True)
    before = situation.status.refused
    is_news = before is None or (before.version, before.reason) != (target.version, target.reason)
    status = evolve(situation.status, refused=refusal)
    rest = _rest(situation.with_status(status), message)
    return Step(status=rest.status, announcements=(told,) if is_news else ())
