"""Whom to tell of an attempt's begin, its end and its waiting for a person.

What is to be told stands in `status.notifications` from the pass that decided it until the pass that knows it delivered
or given up, so a controller that was killed, or a receiver that was away, loses nothing. What is given up is announced.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from penstock_contracts.api.notify import (
    LONGEST_MESSAGE,
    MOST_PENDING,
    NotificationReceiver,
    NotificationState,
    PendingNotification,
    Severity,
)
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Candidate, Completion, ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_controller.rollout.decision import Announcement
from penstock_controller.rollout.notification_view import NotificationAnswer, NotificationDelivery
from penstock_controller.rollout.observation import Observation
from penstock_controller.rollout.timestamps import exact_stamp, seconds_since

LONGEST_WAIT = 3600.0
"""Seconds after which one that was tried in vain is given up: nobody wants yesterday's news of a rollout."""


@dataclass(frozen=True, kw_only=True)
class NotificationUpdate:
    """The status with what is still to be told, and what is said of those that are given up."""

    status: ModelDeploymentStatus
    announcements: tuple[Announcement, ...] = ()


def receivers_of(
    spec: ModelDeploymentSpec, defaults: tuple[NotificationReceiver, ...]
) -> tuple[NotificationReceiver, ...]:
    """Who is told of a resource: those that its spec names, be it none; else the administrator's."""
    return defaults if spec.notify is None else spec.notify


def update(
    spec: ModelDeploymentSpec,
    before: ModelDeploymentStatus,
    after: ModelDeploymentStatus,
    told: tuple[Announcement, ...],
    observation: Observation,
) -> NotificationUpdate:
    """Add what this pass announces, and take away what was delivered. `told`: what it announces."""
    known = before.notifications or NotificationState()
    receivers = receivers_of(spec, observation.notified.defaults)
    kept, failed = _kept(known.pending, receivers, observation)
    waiting = _waiting(spec, known.waiting, before, after, told)
    pending = [*kept, *_new(before, after, told, receivers, observation, is_news=waiting != known.waiting)]
    dropped = pending[: max(0, len(pending) - MOST_PENDING)]
    why = f"more than {MOST_PENDING} notifications wait"
    failed += [_failure(item, name, why) for item in dropped for name in item.to]
    state = NotificationState(pending=tuple(pending[len(dropped) :]), waiting=waiting)
    shown = None if state == NotificationState() else state
    return NotificationUpdate(status=evolve(after, notifications=shown), announcements=tuple(failed))


def _kept(
    pending: tuple[PendingNotification, ...], receivers: tuple[NotificationReceiver, ...], observation: Observation
) -> tuple[list[PendingNotification], list[Announcement]]:
    """What is still to be told, and what is said of what is given up."""
    answers = {(answer.id, answer.to): answer for answer in observation.notified.answers}
    names = {receiver.name for receiver in receivers}
    kept: list[PendingNotification] = []
    failed: list[Announcement] = []
    for item in pending:
        left: list[str] = []
        for name in item.to:
            answer = answers.get((item.id, name))
            if answer and answer.delivery is NotificationDelivery.DELIVERED:
                continue
            why = _given_up(item, answer, observation) if name in names else "it is not named any more"
            if why:
                failed.append(_failure(item, name, why))
            else:
                left.append(name)
        if left:
            kept.append(evolve(item, to=tuple(left)))
    return kept, failed


def _given_up(item: PendingNotification, answer: NotificationAnswer | None, observation: Observation) -> str:
    """Why a receiver is not told any more; empty: it is. A controller that was away all the time has not tried."""
    if answer is None:
        return ""
    if answer.delivery is NotificationDelivery.FAILED:
        return answer.message
    is_late = seconds_since(item.at, observation.now) >= LONGEST_WAIT
    return f"{answer.message}; it was tried since {item.at}" if is_late else ""


def _failure(item: PendingNotification, name: str, why: str) -> Announcement:
    what = f"{item.event} {item.completion}".rstrip()
    return Announcement(
        type="Warning",
        reason=Reason.NOTIFICATION_FAILED,
        message=f"{name!r} was not told of attempt {item.attempt}, version {item.version} ({what}, {item.at}): {why}",
        attempt=item.attempt,
    )


def _waiting(
    spec: ModelDeploymentSpec,
    known: str,
    before: ModelDeploymentStatus,
    after: ModelDeploymentStatus,
    told: tuple[Announcement, ...],
) -> str:
    """What waits for a person and is told of; empty: nothing was, since the attempt began or a person said resume."""
    candidate = after.candidate
    if candidate is None:
        return ""
    resumed = before.candidate is not None and before.candidate.paused and not candidate.paused
    if any(item.reason == Reason.PAUSED for item in told):
        return f"{candidate.attempt}/{candidate.step}/{_holder(spec, after, candidate)}"
    return "" if resumed else known


def _holder(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, candidate: Candidate) -> str:
    if spec.paused:
        return f"spec {status.observed_generation}"
    return "person" if candidate.paused else "step"


def _new(
    before: ModelDeploymentStatus,
    after: ModelDeploymentStatus,
    told: tuple[Announcement, ...],
    receivers: tuple[NotificationReceiver, ...],
    observation: Observation,
    *,
    is_news: bool,
) -> Iterator[PendingNotification]:
    """What receivers are to be told of what this pass announces. `is_news`: what waits for a person was not told."""
    at = exact_stamp(observation.now)
    for item in told:
        found = _event(item)
        if found is None or (item.reason == Reason.PAUSED and not is_news):
            continue
        event, severity = found
        to = tuple(receiver.name for receiver in receivers if receiver.severity.rank <= severity.rank)
        if to:
            yield PendingNotification(
                id=f"{item.attempt}/{event}/{at}",
                event=event,
                severity=severity.value,
                attempt=item.attempt,
                version=_version(item, before, after)[:64],
                reason=item.reason,
                message=item.message[:LONGEST_MESSAGE],
                completion=item.completion,
                at=at,
                to=to,
            )


def _event(item: Announcement) -> tuple[str, Severity] | None:
    """What receivers know it by, and how much it matters; None: they are not told of it."""
    if item.completion:
        is_bad = item.completion in {Completion.ROLLED_BACK, Completion.REFUSED}
        return "Ended", Severity.ERROR if is_bad else Severity.INFO
    if item.refusal:
        return "Refused", Severity.ERROR
    if item.reason == Reason.ROLLOUT_STARTED:
        return "Started", Severity.INFO
    return ("Waiting", Severity.WARN) if item.reason == Reason.PAUSED else None


def _version(item: Announcement, before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> str:
    """The version that an announcement speaks of."""
    if item.refusal:
        return after.refused.version if after.refused else ""
    for status in (after, before):
        if status.candidate and status.candidate.attempt == item.attempt:
            return status.candidate.version
    return next((record.version for record in after.history if record.attempt == item.attempt), "")
