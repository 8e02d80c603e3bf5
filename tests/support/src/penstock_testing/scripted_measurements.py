"""Services outside that answer what a test says, and the watch on them."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from penstock_controller.gates.looks import LookAnswer, NoValue
from penstock_controller.measurement_watch import MeasurementWatch
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.questions import OutsideGate, OutsideQuestion

_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class ScriptedMeasurements:
    """Both ports of the watch."""

    answers: dict[str, LookAnswer | Exception] = field(default_factory=dict)
    """What each gate is answered, by its name in status; one that is not here has no value."""
    hanging: set[str] = field(default_factory=set)
    """Gates that are never answered."""
    refused: dict[str, str] = field(default_factory=dict)
    """Gates that may not ask, and why."""
    secrets: dict[str, dict[str, str] | Exception] = field(default_factory=dict)
    asked: list[tuple[OutsideQuestion, Mapping[str, str]]] = field(default_factory=list)
    """Questions, each with the headers of its Secret."""

    def services(self) -> frozenset[str]:
        return frozenset({"query", "webhook"})

    def service(self, entry: OutsideGate) -> str:
        return entry.name

    def refusal(self, entry: OutsideGate, namespace: str) -> str:
        return self.refused.get(entry.title, "")

    async def fetch(self, question: OutsideQuestion, headers: Mapping[str, str], now: datetime) -> LookAnswer:
        self.asked.append((question, headers))
        title = question.entry.title
        if title in self.hanging:
            await asyncio.Event().wait()
        answer = self.answers.get(title, NoValue(why="nobody said one"))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def of(self, namespace: str, secret: str) -> dict[str, str]:
        found = self.secrets[secret]
        if isinstance(found, Exception):
            raise found
        return found


def measurement_watch(
    scripted: ScriptedMeasurements,
    wake: Callable[[ResourceKey], None] = lambda _: None,
    *,
    clock: Callable[[], float] = lambda: 0.0,
) -> MeasurementWatch:
    """A watch that asks nobody but the test. Its times begin with 2026."""
    return MeasurementWatch(scripted, scripted, wake, now=lambda: _BEGAN + timedelta(seconds=clock()), clock=clock)
