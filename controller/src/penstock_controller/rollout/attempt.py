"""The beginning and the ends of an attempt. Each end writes one decision record and makes one announcement."""

from penstock_controller.api.v1alpha1 import (
    Candidate,
    Completion,
    DecisionRecord,
    ModelDeploymentStatus,
    Phase,
    Refusal,
    Retiring,
    Stable,
)
from penstock_controller.rollout.actions import Announcement, CreateWorkload, MarkPromoted
from penstock_controller.rollout.observation import Refused, Wanted
from penstock_controller.rollout.situation import SOON, Situation, Step
from penstock_controller.rollout.timestamps import stamp


def create(target: Wanted | Candidate, replicas: int) -> CreateWorkload:
    """The action that makes a target's workload."""
    return CreateWorkload(revision=target.revision, version=target.version, digest=target.digest, replicas=replicas)


def start(situation: Situation, wanted: Wanted) -> Step:
    """Put a revision on trial."""
    status, observation = situation.status, situation.observation
    candidate = Candidate(
        revision=wanted.revision,
        version=wanted.version,
        digest=wanted.digest,
        attempt=status.attempt + 1,
        started_at=stamp(observation.now),
    )
    update = {
        "phase": Phase.PROGRESSING if status.stable else Phase.INITIALIZING,
        "attempt": candidate.attempt,
        "candidate": candidate,
        "refused": None,
        "message": f"version {wanted.version}: its pods are starting",
        # The alias moved back to a version whose pods have not left yet: they are used again.
        "retiring": tuple(item for item in status.retiring if item.revision != wanted.revision),
    }
    told = Announcement(
        type="Normal",
        reason="RolloutStarted",
        message=f"version {wanted.version} ({wanted.digest[:19]}) starts as revision {wanted.revision}",
        attempt=candidate.attempt,
    )
    missing = situation.workload(wanted.revision) is None
    actions = (create(wanted, situation.replicas),) if missing else ()
    return Step(status=status.model_copy(update=update), actions=actions, announcements=(told,), look_again=SOON)


def promote(situation: Situation, candidate: Candidate) -> Step:
    """The candidate serves all requests: the pointer moves, the old stable leaves last."""
    message = f"version {candidate.version} serves all requests"
    old = situation.status.stable
    leaving = (Retiring(revision=old.revision, version=old.version, digest=old.digest),) if old else ()
    stable = Stable(
        revision=candidate.revision,
        version=candidate.version,
        digest=candidate.digest,
        since=stamp(situation.observation.now),
    )
    ended = _end(situation, candidate, Completion.PROMOTED, "Promoted", message)
    update = {
        "phase": Phase.HEALTHY,
        "stable": stable,
        "message": f"version {stable.version} serves",
        "retiring": (*ended.status.retiring, *leaving),
    }
    mark = MarkPromoted(revision=candidate.revision, attempt=candidate.attempt)
    return Step(
        status=ended.status.model_copy(update=update),
        actions=(mark,),
        announcements=ended.announcements,
        look_again=SOON,
    )


def supersede(situation: Situation, candidate: Candidate, successor: str) -> Step:
    """Something else is wanted before the candidate got any request."""
    message = f"version {successor} took its place before it was promoted"
    return _leave(situation, candidate, _end(situation, candidate, Completion.SUPERSEDED, "Superseded", message))


def fail(situation: Situation, candidate: Candidate, refusal: Refusal) -> Step:
    """The candidate is not tried again under this target and generation. No request goes to it any more."""
    ended = _end(situation, candidate, Completion.ROLLED_BACK, refusal.reason, refusal.message)
    return _leave(situation, candidate, ended, refusal)


def refusal_of(situation: Situation, candidate: Candidate, reason: str, message: str) -> Refusal:
    """What is remembered of a failed candidate."""
    target = situation.observation.target
    return Refusal(
        version=candidate.version,
        revision=candidate.revision,
        created_at_ms=target.created_at_ms if isinstance(target, Wanted | Refused) else 0,
        generation=situation.observation.generation,
        reason=reason,
        message=message,
    )


def _leave(situation: Situation, candidate: Candidate, ended: Step, refusal: Refusal | None = None) -> Step:
    routed = situation.status.phase is Phase.ROLLING_BACK
    leaving = Retiring(
        revision=candidate.revision,
        version=candidate.version,
        digest=candidate.digest,
        # A candidate that never got a request has nothing to drain.
        unrouted_at=None if routed else candidate.started_at,
    )
    update = {
        "refused": refusal,
        "retiring": (*ended.status.retiring, leaving),
        "message": ended.announcements[0].message,
    }
    status = ended.status.model_copy(update=update)
    phase = situation.with_status(status).resting_phase()
    return Step(status=status.model_copy(update={"phase": phase}), announcements=ended.announcements, look_again=SOON)


def _end(situation: Situation, candidate: Candidate, completion: Completion, reason: str, message: str) -> Step:
    record = DecisionRecord(
        attempt=candidate.attempt,
        version=candidate.version,
        digest=candidate.digest,
        revision=candidate.revision,
        completion=completion,
        reason=reason,
        message=message,
        started_at=candidate.started_at,
        ended_at=stamp(situation.observation.now),
    )
    told = Announcement(
        type="Warning" if completion is Completion.ROLLED_BACK else "Normal",
        reason=reason,
        message=f"attempt {candidate.attempt}, version {candidate.version}: {message}",
        attempt=candidate.attempt,
        completion=completion.value,
    )
    status: ModelDeploymentStatus = situation.status
    history = (record, *status.history)[: situation.spec.revision_history_limit]
    return Step(status=status.model_copy(update={"candidate": None, "history": history}), announcements=(told,))
