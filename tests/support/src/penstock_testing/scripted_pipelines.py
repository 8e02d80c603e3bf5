"""A webhook and its Secret that answer what a test says, and the outbox on them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from penstock_controller.ports import ResourceKey
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.webhook_outbox import WebhookOutbox
from penstock_controller.workload.webhook_call import WebhookCall

MONITOR = "http://monitor:8080"


@dataclass
class ScriptedPipelines:
    """Both ports of the outbox."""

    answers: list[Exception | str] = field(default_factory=list)
    """Of the calls that come; after the last one each is told that it runs."""
    hanging: set[str] = field(default_factory=set)
    """URLs that never answer."""
    calls: list[WebhookCall] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    """Of each call."""
    secrets: dict[str, dict[str, str] | Exception] = field(default_factory=dict)

    async def start(self, call: WebhookCall, headers: Mapping[str, str]) -> str:
        self.calls.append(call)
        self.headers.append(headers)
        if call.url in self.hanging:
            await asyncio.Event().wait()
        answer = self.answers.pop(0) if self.answers else ""
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def of(self, namespace: str, secret: str) -> dict[str, str]:
        found = self.secrets[secret]
        if isinstance(found, Exception):
            raise found
        return found


def webhook_outbox(
    scripted: ScriptedPipelines,
    telemetry: ControllerTelemetry,
    wake: Callable[[ResourceKey], None] = lambda _: None,
    *,
    clock: Callable[[], float] = lambda: 0.0,
) -> WebhookOutbox:
    """An outbox that calls nobody but the test."""
    return WebhookOutbox(scripted, scripted, telemetry, wake, monitor_url=lambda _: MONITOR, clock=clock)
