"""Start, stop and liveness, as kopf runs them: with an operator of ours whose workers a test can end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import kopf
import pytest
from kopf._cogs.structs.ephemera import AnyMemo
from kopf._core.actions.lifecycles import all_at_once
from kopf._core.engines.activities import ActivityError, run_activity
from kopf._core.engines.indexing import OperatorIndexers
from kopf._core.intents.causes import Activity
from prometheus_client import CollectorRegistry

from penstock_controller.handlers import lifecycle
from penstock_controller.operator import Operator
from penstock_controller.ports import ResourceKey
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.work_queue import WorkQueue

KEY = ResourceKey("ns", "m")


class Controller:
    """The handlers in a registry of kopf's, around an operator that notes what becomes of it."""

    def __init__(self, roll_fails: Exception | None = None) -> None:
        self.course: list[str] = []
        self.stop = asyncio.Event()
        self.breaks = asyncio.Event()
        """Set: what runs beside the passes ends with an error."""
        self.passed = asyncio.Event()
        self.settings = kopf.OperatorSettings()
        self.memo = kopf.Memo()
        self.registry = kopf.OperatorRegistry()
        self._roll_fails = roll_fails
        lifecycle.register(self.registry, self.operator(), self.stop)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Operator]:
        self.course.append("connected")
        telemetry = ControllerTelemetry(CollectorRegistry())
        queue = WorkQueue(lambda: 1.0)
        yield Operator(queue, self, telemetry, call_roll=self.call_roll, beside=[self.beside], workers=1)
        self.course.append("disconnected")

    async def call_roll(self) -> None:
        self.course.append("roll called")
        if self._roll_fails:
            raise self._roll_fails

    async def beside(self) -> None:
        self.course.append("works")
        try:
            await self.breaks.wait()
        except asyncio.CancelledError:
            self.course.append("told to end")
            raise
        raise RuntimeError("a loop has ended")

    async def reconcile(self, key: ResourceKey) -> float | None:
        self.passed.set()
        return None

    async def tell(self, key: ResourceKey, error: Exception) -> None: ...

    async def run(self, activity: Activity) -> dict[Any, Any]:
        """What kopf does at one point of its own course."""
        return dict(
            await run_activity(
                lifecycle=all_at_once,
                registry=self.registry,
                settings=self.settings,
                activity=activity,
                indices=OperatorIndexers().indices,
                memo=AnyMemo(self.memo),
            )
        )

    async def begins(self) -> None:
        await self.run(Activity.STARTUP)
        await asyncio.sleep(0)  # its tasks begin
        await asyncio.sleep(0)


async def test_the_roll_is_called_before_any_work_begins() -> None:
    controller = Controller()
    await controller.begins()
    assert controller.course == ["connected", "roll called", "works"]
    await controller.run(Activity.CLEANUP)


async def test_what_events_put_into_the_queue_is_worked() -> None:
    controller = Controller()
    await controller.begins()
    controller.memo.operator.queue.add(KEY)
    await controller.passed.wait()
    await controller.run(Activity.CLEANUP)


async def test_an_operator_that_cannot_begin_ends_the_controller() -> None:
    controller = Controller(roll_fails=kopf.PermanentError("the API server refuses the list"))
    with pytest.raises(ActivityError):
        await controller.begins()
    assert controller.course == ["connected", "roll called"]


async def test_the_probe_says_yes_while_the_workers_work() -> None:
    controller = Controller()
    await controller.begins()
    assert await controller.run(Activity.PROBE) == {"working": "yes"}
    assert not controller.stop.is_set()
    await controller.run(Activity.CLEANUP)


async def test_a_loop_that_ends_stops_the_controller_and_fails_its_probe() -> None:
    controller = Controller()
    await controller.begins()
    controller.breaks.set()
    await controller.stop.wait()
    (probe,) = controller.registry._activities.get_handlers(activity=Activity.PROBE)
    handler: Any = probe.fn
    with pytest.raises(RuntimeError, match="the workers have ended"):
        handler(memo=controller.memo)
    await controller.run(Activity.CLEANUP)
    assert controller.course[-1] == "disconnected"


async def test_the_end_waits_for_the_workers_and_then_closes_the_connections() -> None:
    controller = Controller()
    await controller.begins()
    await controller.run(Activity.CLEANUP)
    assert controller.course[-2:] == ["told to end", "disconnected"]
    assert not controller.stop.is_set(), "that was no failure"


async def test_kopf_is_told_to_write_no_events_and_to_end_watches_that_went_silent() -> None:
    controller = Controller()
    await controller.begins()
    assert not controller.settings.posting.enabled
    assert controller.settings.scanning.disabled
    watching = controller.settings.watching
    assert watching.server_timeout
    assert watching.client_timeout
    assert watching.client_timeout > watching.server_timeout
    assert watching.connect_timeout
    await controller.run(Activity.CLEANUP)


def test_somebody_logs_in_by_service_account_or_kubeconfig() -> None:
    registry = kopf.OperatorRegistry()

    @asynccontextmanager
    async def never() -> AsyncIterator[Operator]:
        raise AssertionError("nobody enters it")
        yield

    lifecycle.register(registry, never(), asyncio.Event())
    assert len(registry._activities.get_handlers(activity=Activity.AUTHENTICATION)) == 1
