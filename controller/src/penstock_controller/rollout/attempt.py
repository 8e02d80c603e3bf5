"""The beginning and the ends of an attempt. Each end writes one decision record and makes one announcement."""

from penstock_contracts.api import duration
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import (
    AttemptStage,
    Candidate,
    Completion,
    DecisionRecord,
    Ending,
    GateStatus,
    ModelDeploymentStatus,
    Phase,
    Previous,
    Refusal,
    Retiring,
    Revision,
    Stable,
)
from penstock_contracts.base import evolve
from penstock_controller.rollout import children, history, routing, sick_pods, sizing, splits, verdicts
from penstock_controller.rollout.context import SOON, RolloutContext, Transition
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.gate_outcomes import outcomes
from penstock_controller.rollout.observation import Wanted
from penstock_controller.rollout.steps import size_at, steps_of
from penstock_controller.rollout.timestamps import exact_stamp, stamp

ABORTED = Reason.ABORTED
UNDONE = Reason.UNDONE
BY_HAND = {ABORTED, UNDONE}
"""Reasons of an end that a person wanted."""
_LONGEST_SAID = 980
"""Characters: an Event has 1,024, and begins with the attempt and the version."""


def start(context: RolloutContext, wanted: Wanted, checked: GateStatus | None = None) -> Transition:
    """Put a revision on trial. `checked`: what the gate preflight says of it."""
    status = context.status
    candidate = _candidate(context, wanted)
    begun = evolve(
        status,
        phase=Phase.PROGRESSING if status.stable else Phase.INITIALIZING,
        attempt=candidate.attempt,
        candidate=candidate,
        gates=(checked,) if checked else (),
        course=None,
        refused=None,
        message=f"version {wanted.version}: its pods are starting",
        # The alias moved back to a version whose pods have not left yet: they are used again.
        retiring=tuple(item for item in status.retiring if item.revision != wanted.revision),
    )
    told = Announcement(
        type="Normal",
        reason=Reason.ROLLOUT_STARTED,
        message=f"version {wanted.version} ({wanted.digest[:19]}) starts as revision {wanted.revision}",
        attempt=candidate.attempt,
    )
    missing = context.workload(wanted.revision) is None
    actions = (children.create(wanted, _first_size(context)),) if missing else ()
    return Transition(status=begun, actions=actions, announcements=(told,), requeue_after=SOON)


def refuse(context: RolloutContext, wanted: Wanted, checked: GateStatus) -> Transition:
    """The attempt ends as it begins, before a pod of it starts: the gate preflight fails it."""
    candidate = _candidate(context, wanted)
    ending = Ending(
        completion=Completion.REFUSED,
        generation=context.observation.generation,
        reason=Reason.PREFLIGHT_FAILED,
        message=f"{checked.name}: {checked.message}",
    )
    begun = evolve(context.status, attempt=candidate.attempt, gates=(checked,), course=None)
    status, told = _record(context.with_status(begun), candidate, candidate, ending)
    refused = evolve(status, refused=_refusal(candidate, ending), message=told.message)
    phase = context.with_status(refused).resting_phase()
    return Transition(status=evolve(refused, phase=phase), announcements=(told,))


def _candidate(context: RolloutContext, wanted: Wanted) -> Candidate:
    return Candidate(
        revision=wanted.revision,
        version=wanted.version,
        digest=wanted.digest,
        attempt=context.status.attempt + 1,
        created_at_ms=wanted.created_at_ms,
        started_at=stamp(context.observation.now),
    )


def _first_size(context: RolloutContext) -> int:
    if context.status.stable is None:
        return context.replicas
    return sizing.cap(context.spec, size_at(steps_of(context.spec.strategy), 0, context.replicas))


def promote(context: RolloutContext, candidate: Candidate) -> Transition:
    """The candidate serves all requests: the pointer moves. With a bake the attempt goes on, else it ends here."""
    status, now = context.status, context.observation.now
    stable = Stable(
        revision=candidate.revision,
        version=candidate.version,
        digest=candidate.digest,
        since=stamp(now),
        generation=context.observation.generation,
    )
    moved = evolve(status, stable=stable, candidate=None)
    old = status.stable
    if old is None or duration.seconds(context.spec.bake.duration) == 0:
        return _promoted(context.with_status(moved), stable, candidate, old)
    previous = Previous(
        revision=old.revision,
        version=old.version,
        digest=old.digest,
        stable_since=old.since,
        stable_generation=old.generation,
        attempt=candidate.attempt,
        created_at_ms=candidate.created_at_ms,
        started_at=candidate.started_at,
        baking_since=exact_stamp(now),
        promote_full=candidate.promote_full,
    )
    message = f"version {stable.version} serves all requests; version {old.version} stays warm"
    told = Announcement(type="Normal", reason=Reason.BAKING, message=message, attempt=candidate.attempt)
    baking = evolve(moved, previous=previous, phase=Phase.BAKING, message=message)
    return Transition(status=baking, announcements=(told,), requeue_after=SOON)


def end_bake(context: RolloutContext, stable: Stable, previous: Previous, why_early: str) -> Transition:
    """The bake is over, or cut short because another one is wanted (`why_early`): the version before leaves."""
    status = evolve(context.status, previous=None)
    short = f"; its bake ended early because {why_early}" if why_early else ""
    return _promoted(context.with_status(status), stable, previous, previous, remark=short)


def _promoted(
    context: RolloutContext, stable: Stable, tried: Candidate | Previous, old: Revision | None, *, remark: str = ""
) -> Transition:
    if tried.promote_full:
        remark = f"; a person left out its steps and gates (promote-full){remark}"
    said = f"version {stable.version} serves all requests{remark}{sick_pods.remark(context.status)}"
    ending = Ending(
        completion=Completion.PROMOTED,
        reason=Reason.PROMOTED,
        message=said + verdicts.numbers(context.status, AttemptStage.TRIAL, _LONGEST_SAID - len(said)),
    )
    status, told = _record(context, stable, tried, ending)
    leaving = (_retiring(old),) if old else ()
    resting = evolve(
        status,
        phase=context.resting_phase(),
        # Nothing is repeated on the version before any more, and it answers no copies.
        traffic=splits.only(context, stable.revision, *((old.revision,) if old else ())),
        message=f"version {stable.version} serves",
        retiring=(*status.retiring, *leaving),
    )
    return Transition(status=resting, announcements=(told,), requeue_after=SOON)


def end(context: RolloutContext, candidate: Candidate, ending: Ending) -> Transition:
    """The attempt ends without a promotion. A candidate that failed is remembered, so that it is not tried again."""
    status, told = _record(context, candidate, candidate, ending)
    failed = ending.completion in {Completion.ROLLED_BACK, Completion.ABORTED}
    leaving = _retiring(candidate)
    if not routing.knows(status.traffic, candidate.revision):
        # It never got a request: there is nothing to drain.
        leaving = evolve(leaving, unrouted_at=candidate.started_at)
    status = evolve(
        status,
        candidate=None,
        refused=_refusal(candidate, ending) if failed else None,
        retiring=(*status.retiring, leaving),
        message=told.message,
    )
    phase = context.with_status(status).resting_phase()
    return Transition(status=evolve(status, phase=phase), announcements=(told,), requeue_after=SOON)


def _refusal(candidate: Candidate, ending: Ending) -> Refusal:
    return Refusal(
        version=candidate.version,
        revision=candidate.revision,
        created_at_ms=candidate.created_at_ms,
        generation=ending.generation,
        reason=ending.reason,
        message=ending.message,
    )


def _retiring(revision: Revision) -> Retiring:
    return Retiring(revision=revision.revision, version=revision.version, digest=revision.digest)


def _record(
    context: RolloutContext, revision: Revision, tried: Candidate | Previous, ending: Ending
) -> tuple[ModelDeploymentStatus, Announcement]:
    """The status with the decision record and without what belonged to the attempt, and what users are told."""
    status = context.status
    record = DecisionRecord(
        attempt=tried.attempt,
        version=revision.version,
        digest=revision.digest,
        revision=revision.revision,
        created_at_ms=tried.created_at_ms,
        completion=ending.completion,
        reason=ending.reason,
        message=ending.message,
        started_at=tried.started_at,
        ended_at=stamp(context.observation.now),
        gates=verdicts.results(status),
    )
    told = Announcement(
        type="Warning" if ending.completion in {Completion.ROLLED_BACK, Completion.REFUSED} else "Normal",
        reason=ending.reason,
        message=f"attempt {tried.attempt}, version {revision.version}: {ending.message}",
        attempt=tried.attempt,
        completion=ending.completion.value,
        started_at=tried.started_at,
        gates=outcomes(record.gates),
    )
    records = history.bounded((record, *status.history), context.spec.revision_history_limit)
    return evolve(status, history=records, gates=(), evidence=None), told
