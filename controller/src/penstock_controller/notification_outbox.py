"""Sends notifications beside the passes: what status says is still to be told, again and again until it is.

A receiver that hangs holds up no pass, and no other receiver. Nothing here has to outlive the process: status offers
anew. A pass that sees what became of one takes it from status, or announces that it is given up.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from penstock_contracts.api.notify import NotificationReceiver, PendingNotification
from penstock_controller import backoff
from penstock_controller.errors import ClusterAway, Rejected, WebhookAway, WebhookRefused, WriteConflict
from penstock_controller.messages.post import notification_post
from penstock_controller.messages.subject import NotificationSubject
from penstock_controller.ports import ModelDeployment, NotificationSender, ReceiverAddresses, ResourceKey
from penstock_controller.rollout.notification_view import NotificationAnswer, NotificationDelivery, NotificationView
from penstock_controller.rollout.notifications import receivers_of
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.work_queue import WorkQueue

_log = logging.getLogger(__name__)
_AT_ONCE = 8
"""Resources; one whose receiver hangs has one of these places until its time is over."""
_FIRST_AGAIN = 5.0
_LONGEST_AGAIN = 120.0
"""Seconds after which one that did not take it is tried again."""


@dataclass(frozen=True, kw_only=True)
class NotificationDefaults:
    """What the administrator has said of notifications."""

    receivers: tuple[NotificationReceiver, ...] = ()
    """Of resources whose spec names none."""
    namespace: str = ""
    """Where their Secrets are."""
    cluster: str = ""
    """The cluster's name; empty: it has none."""
    pages: str = ""
    """Base of the drift monitor's pages, as people reach them; empty: not known."""


@dataclass
class _AtReceiver:
    """How one receiver fares."""

    tries: int = 0
    due: float = 0.0


@dataclass
class _OfResource:
    """What one resource has to tell."""

    subject: NotificationSubject
    receivers: dict[str, NotificationReceiver]
    namespace: str
    """Where the Secrets of these are."""
    pending: tuple[PendingNotification, ...]
    answers: dict[tuple[str, str], NotificationAnswer] = field(default_factory=dict)
    """By notification and receiver."""
    fares: dict[str, _AtReceiver] = field(default_factory=dict)

    def next_for(self, name: str) -> PendingNotification | None:
        """The oldest that a receiver does not have: each is told in order."""
        return next((item for item in self.pending if name in item.to and not self._is_done(item, name)), None)

    def _is_done(self, item: PendingNotification, name: str) -> bool:
        answer = self.answers.get((item.id, name))
        return answer is not None and answer.delivery is not NotificationDelivery.AWAY


class NotificationOutbox:
    """Holds what each resource offers. Bounded by the number of resources, and by what status holds of each."""

    def __init__(
        self,
        sender: NotificationSender,
        addresses: ReceiverAddresses,
        telemetry: ControllerTelemetry,
        wake: Callable[[ResourceKey], None],
        defaults: NotificationDefaults,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: seconds, monotonic."""
        self._sender = sender
        self._addresses = addresses
        self._telemetry = telemetry
        self._wake = wake
        self._defaults = defaults
        self._clock = clock
        self._queue = WorkQueue(clock, workers=_AT_ONCE)
        self._known: dict[ResourceKey, _OfResource] = {}

    def offer(self, resource: ModelDeployment) -> NotificationView:
        """Have sent what its status says, and nothing else of it; answers what is known of that so far."""
        key, state = resource.key, resource.status.notifications
        pending = state.pending if state else ()
        if not pending:
            self.forget(key)
            return NotificationView(defaults=self._defaults.receivers)
        before = self._known.get(key)
        known = self._known[key] = self._of(resource, pending, before)
        if before is None or (before.pending, before.receivers) != (known.pending, known.receivers):
            self._queue.add(key)
        return NotificationView(defaults=self._defaults.receivers, answers=tuple(known.answers.values()))

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or has nothing to be told."""
        self._known.pop(key, None)

    async def run(self) -> None:
        """Send until cancelled."""
        await self._queue.serve(self._visit)

    def _of(
        self, resource: ModelDeployment, pending: tuple[PendingNotification, ...], before: _OfResource | None
    ) -> _OfResource:
        key, defaults = resource.key, self._defaults
        receivers = {item.name: item for item in receivers_of(resource.spec, defaults.receivers)}
        ids = {item.id for item in pending}
        answers = before.answers.items() if before else ()
        # A receiver that was mended counts at once.
        same = {name for name, item in receivers.items() if before and before.receivers.get(name) == item}
        return _OfResource(
            subject=NotificationSubject(
                namespace=key.namespace,
                name=key.name,
                uid=str(resource.raw["metadata"].get("uid", "")),
                model=resource.spec.registry.model,
                cluster=defaults.cluster,
                page=f"{defaults.pages}/models/{key.namespace}/{key.name}" if defaults.pages else "",
            ),
            receivers=receivers,
            namespace=defaults.namespace if resource.spec.notify is None else key.namespace,
            pending=pending,
            answers={which: answer for which, answer in answers if which[0] in ids},
            fares={name: fare for name, fare in (before.fares if before else {}).items() if name in same},
        )

    async def _visit(self, key: ResourceKey) -> float | None:
        """Send to each receiver what is due; answers the seconds until there is more to send. None: there is not."""
        known = self._known.get(key)
        if known is None:
            return None
        now = self._clock()
        due = [
            (item, receiver)
            for name, receiver in known.receivers.items()
            if (item := known.next_for(name)) and known.fares.setdefault(name, _AtReceiver()).due <= now
        ]
        answers = await asyncio.gather(*(self._tried(key, known, item, receiver) for item, receiver in due))
        latest = self._known.get(key)
        if latest is None:
            return None
        for answer, wait in answers:
            self._note(key, latest, answer, wait)
        open_ones = [name for name in latest.receivers if latest.next_for(name)]
        dues = [latest.fares.setdefault(name, _AtReceiver()).due - self._clock() for name in open_ones]
        return max(0.0, min(dues)) if dues else None

    async def _tried(
        self, key: ResourceKey, known: _OfResource, item: PendingNotification, receiver: NotificationReceiver
    ) -> tuple[NotificationAnswer, float]:
        """What became of one try, and the seconds for which the receiver asks to be left alone."""
        delivery, message, wait = NotificationDelivery.AWAY, "", 0.0
        try:
            address = await self._addresses.of(known.namespace, receiver.secret_ref.name)
            await self._sender.deliver(notification_post(known.subject, item, receiver), address)
            delivery = NotificationDelivery.DELIVERED
        except WebhookRefused as refusal:
            delivery, message = NotificationDelivery.FAILED, str(refusal)
        except WebhookAway as away:
            message, wait = str(away), away.retry_after
        except (Rejected, ClusterAway, WriteConflict) as unread:  # a person may mend its Secret in time
            message = str(unread)
        except Exception:  # noqa: BLE001 - the outermost loop: one receiver must not end the work for all
            _log.exception("notification not sent", extra={"key": str(key), "receiver": receiver.name})
            message = "sending it failed: see the controller's log"
        return NotificationAnswer(id=item.id, to=receiver.name, delivery=delivery, message=message), wait

    def _note(self, key: ResourceKey, known: _OfResource, answer: NotificationAnswer, wait: float) -> None:
        where = {"key": str(key), "receiver": answer.to, "notification": answer.id}
        fare = known.fares.setdefault(answer.to, _AtReceiver())
        if answer.delivery is NotificationDelivery.AWAY:
            fare.tries += 1
            again = max(wait, backoff.delay(fare.tries, first=_FIRST_AGAIN, longest=_LONGEST_AGAIN))
            fare.due = self._clock() + again
            _log.warning("notification not delivered", extra={**where, "detail": answer.message, "again_in": again})
        else:
            fare.tries, fare.due = 0, 0.0
        if answer.delivery is NotificationDelivery.DELIVERED:
            _log.info("notification delivered", extra=where)
        if answer.delivery is not NotificationDelivery.FAILED:  # that one is counted where it is announced
            self._telemetry.notified(key, answer.delivery.value)
        which = (answer.id, answer.to)
        if answer.id in {item.id for item in known.pending} and known.answers.get(which) != answer:
            known.answers[which] = answer
            self._wake(key)
