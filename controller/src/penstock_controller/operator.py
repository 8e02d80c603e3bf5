"""Works the queue: a few passes at a time, each key by one at a time, errors backed off."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from penstock_controller import backoff
from penstock_controller.errors import Away, Invalid, PenstockError, WriteConflict
from penstock_controller.ports import ResourceKey
from penstock_controller.scope import Passes
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.work_queue import WorkQueue

_log = logging.getLogger(__name__)
_LONGEST_BACKOFF = 60.0
_LONGEST_BACKOFF_AWAY = 5.0
"""Seconds: a rollout that waits for the API server goes on soon after it is back."""
_LONGEST_HOLD = 5.0
"""Seconds in which no event brings a resource forward whose passes fail: a person's change is seen after these."""
_FREE_FAILURES = 3
"""In a row, after which that begins."""


class Operator:
    """The controller without kopf: keys go in, the world changes."""

    def __init__(
        self,
        queue: WorkQueue,
        reconciler: Passes,
        telemetry: ControllerTelemetry,
        *,
        call_roll: Callable[[], Coroutine[Any, Any, None]],
        beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
        workers: int,
    ) -> None:
        """`call_roll`: waits for the API server. `beside`: run as long as it works. `workers`: passes at a time."""
        self.queue = queue
        self.call_roll = call_roll
        self._reconciler = reconciler
        self._beside = beside
        self._telemetry = telemetry
        self._workers = workers
        self._failures: defaultdict[ResourceKey, int] = defaultdict(int)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for run in self._beside:
                tasks.create_task(run())
            for _ in range(self._workers):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self.queue.take()
            await self._pass_over(key)

    async def _pass_over(self, key: ResourceKey) -> None:
        due = None
        try:
            due = await self._pass(key)
        finally:
            held = min(due or 0.0, _LONGEST_HOLD) if self._failures.get(key, 0) > _FREE_FAILURES else 0.0
            self.queue.done(key, due, not_before=held)

    async def _pass(self, key: ResourceKey) -> float | None:
        """One pass; answers when the next is due, whatever went wrong. None: never, the resource is gone."""
        try:
            with self._telemetry.pass_seconds.time():
                due = await self._reconciler.reconcile(key)
        except WriteConflict:
            self._telemetry.broken_off("conflict")
            self._failures[key] += 1
            # Who writes against us without end must not have all passes.
            return (
                0.0
                if self._failures[key] <= _FREE_FAILURES
                else backoff.delay(self._failures[key], longest=_LONGEST_HOLD)
            )
        except PenstockError as error:
            return await self._broken_off(key, error)
        except Exception as error:  # noqa: BLE001 - the outermost loop: one resource must not stop the others
            _log.exception("pass failed", extra={"key": str(key)})
            return await self._broken_off(key, error)
        self._failures.pop(key, None)
        return due

    async def _broken_off(self, key: ResourceKey, error: Exception) -> float:
        self._telemetry.broken_off("error")
        self._failures[key] += 1
        away = isinstance(error, Away)
        longest = _LONGEST_BACKOFF_AWAY if away else _LONGEST_BACKOFF
        delay = backoff.delay(self._failures[key], longest=longest)
        level = logging.WARNING if away else logging.ERROR
        _log.log(level, "pass broken off", extra={"key": str(key), "detail": str(error), "again_in_seconds": delay})
        if self._failures[key] >= _told_after(error):
            await self._tell(key, error)
        return delay

    async def _tell(self, key: ResourceKey, error: Exception) -> None:
        """Users see why nothing moves. Where that cannot be written either, the next pass that fails tries again."""
        try:
            await self._reconciler.tell(key, error)
        except PenstockError as unwritten:
            _log.warning("not told in status", extra={"key": str(key), "detail": str(unwritten)})
        except Exception:  # noqa: BLE001 - the outermost loop, as above
            _log.exception("not told in status", extra={"key": str(key)})


def _told_after(error: Exception) -> int:
    """Failures in a row after which status tells of them: one that time mends is waited for."""
    match error:
        case Invalid():
            return 1
        case Away():
            return 10
        case _:
            return 3
