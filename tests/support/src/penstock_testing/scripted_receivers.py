"""Receivers of notifications, and their Secrets, that answer what a test says, and the outbox on them."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from penstock_controller.messages.post import NotificationPost
from penstock_controller.notification_outbox import NotificationDefaults, NotificationOutbox
from penstock_controller.ports import ReceiverAddress, ResourceKey
from penstock_controller.telemetry import ControllerTelemetry


@dataclass
class ScriptedReceivers:
    """Both ports of the outbox. A Secret's address is `https://` and its name."""

    answers: dict[str, list[Exception]] = field(default_factory=dict)
    """By Secret, of the tries that come; after the last one each is taken."""
    unreadable: dict[str, Exception] = field(default_factory=dict)
    """Secrets that cannot be read."""
    hanging: set[str] = field(default_factory=set)
    """Secrets at whose address nobody ever answers."""
    tries: list[tuple[str, str]] = field(default_factory=list)
    """Namespace and Secret of each."""
    taken: list[tuple[str, NotificationPost]] = field(default_factory=list)
    """Secret and post of each that was delivered."""

    async def of(self, namespace: str, secret: str) -> ReceiverAddress:
        self.tries.append((namespace, secret))
        if secret in self.unreadable:
            raise self.unreadable[secret]
        return ReceiverAddress(url=f"https://{secret}", headers={})

    async def deliver(self, post: NotificationPost, address: ReceiverAddress) -> None:
        secret = address.url.removeprefix("https://")
        if secret in self.hanging:
            await asyncio.Event().wait()
        if self.answers.get(secret):
            raise self.answers[secret].pop(0)
        self.taken.append((secret, post))

    def bodies(self, secret: str) -> list[dict[str, Any]]:
        """What one has taken, in order."""
        return [json.loads(post.body) for name, post in self.taken if name == secret]


def notification_outbox(
    scripted: ScriptedReceivers,
    telemetry: ControllerTelemetry,
    wake: Callable[[ResourceKey], None] = lambda _: None,
    *,
    defaults: NotificationDefaults | None = None,
    clock: Callable[[], float] = lambda: 0.0,
) -> NotificationOutbox:
    """An outbox that sends nothing to anybody but the test."""
    return NotificationOutbox(
        scripted, scripted, telemetry, wake, defaults or NotificationDefaults(namespace="penstock"), clock=clock
    )
