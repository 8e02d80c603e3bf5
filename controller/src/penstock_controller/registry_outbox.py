"""Writes to registries beside the passes: what status says is still to be shown, again and again until it is."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from penstock_controller import backoff
from penstock_controller.errors import RegistryAway, RegistryRefused, VersionMissing
from penstock_controller.outcome_tag import outcome_tag
from penstock_controller.ports import RegistryWriter, ResourceKey
from penstock_controller.rollout.registry_entry import Entry, RegistryAnswer, Writing
from penstock_controller.telemetry import ControllerTelemetry
from penstock_controller.work_queue import WorkQueue

_log = logging.getLogger(__name__)
_LONGEST_AWAY = 15.0
"""Seconds: a registry that is back is told soon."""
_LONGEST_REFUSED = 300.0
"""Seconds: a person must act."""


class RegistryOutbox:
    """Holds what each resource offers, and at each connection works on one entry at a time.

    A registry that hangs keeps up its own connection only. Nothing here has to outlive the process: status offers anew.
    """

    def __init__(
        self,
        recorder: RegistryWriter,
        connections: Iterable[str],
        telemetry: ControllerTelemetry,
        wake: Callable[[ResourceKey], None],
        *,
        cluster: str = "",
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`cluster`: its name in tags; empty: none. `pause`: waits for seconds."""
        self._recorder = recorder
        self._telemetry = telemetry
        self._wake = wake
        self._cluster = cluster
        self._pause = pause
        self._queues = {name: WorkQueue(time.monotonic) for name in connections}
        self._offered: dict[ResourceKey, dict[Entry, RegistryAnswer | None]] = {}
        self._away: defaultdict[str, int] = defaultdict(int)
        self._refused: defaultdict[ResourceKey, int] = defaultdict(int)

    def offer(self, key: ResourceKey, entries: tuple[Entry, ...]) -> tuple[RegistryAnswer, ...]:
        """Have these written, and no others of that resource; answers what is known of them so far."""
        known = self._offered.get(key, {})
        offered = {entry: known.get(entry) or self._at_once(entry) for entry in entries}
        for entry in offered:
            if entry not in known and entry.connection in self._queues:
                self._refused.pop(key, None)
                self._queues[entry.connection].add(key)
        if offered:
            self._offered[key] = offered
        else:
            self.forget(key)
        return tuple(answer for answer in offered.values() if answer)

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone, or has nothing to be written."""
        self._offered.pop(key, None)
        self._refused.pop(key, None)

    def _at_once(self, entry: Entry) -> RegistryAnswer | None:
        if entry.connection in self._queues:
            return None
        message = f"{entry.what} is not written: the administrator defines no registry {entry.connection!r} any more"
        return RegistryAnswer(entry=entry, writing=Writing.REFUSED, message=message)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for connection, queue in self._queues.items():
                tasks.create_task(queue.serve(partial(self._deliver, connection)))

    async def _deliver(self, connection: str, key: ResourceKey) -> float | None:
        """Write what a resource has for a connection; answers the seconds until it is due again. None: all is said."""
        refused = False
        for entry in self._open(connection, key):
            if entry not in self._offered.get(key, {}):
                continue  # not wanted any more since the one before it was begun
            answer = await self._tried(key, entry)
            self._note(key, answer)
            if answer.writing is Writing.AWAY:
                self._away[connection] += 1
                # The next resource would fare no better.
                await self._pause(backoff.delay(self._away[connection], longest=_LONGEST_AWAY))
                return 0.0
            self._away.pop(connection, None)
            refused |= answer.writing is Writing.REFUSED
        if not refused:
            return None
        self._refused[key] += 1
        return backoff.delay(self._refused[key], longest=_LONGEST_REFUSED)

    def _open(self, connection: str, key: ResourceKey) -> list[Entry]:
        ended = {Writing.WRITTEN, Writing.IMPOSSIBLE}
        offered = self._offered.get(key, {}).items()
        return [
            entry
            for entry, answer in offered
            if entry.connection == connection and not (answer and answer.writing in ended)
        ]

    async def _tried(self, key: ResourceKey, entry: Entry) -> RegistryAnswer:
        try:
            tag = outcome_tag(self._cluster, key, entry.outcome) if entry.outcome else None
            await self._recorder.record(entry, tag)
        except RegistryAway as away:
            return RegistryAnswer(entry=entry, writing=Writing.AWAY, message=f"{entry.what} is not written yet: {away}")
        except RegistryRefused as refused:
            return RegistryAnswer(
                entry=entry, writing=Writing.REFUSED, message=f"{entry.what} is not written: {refused}"
            )
        except VersionMissing as missing:
            return RegistryAnswer(
                entry=entry, writing=Writing.IMPOSSIBLE, message=f"{entry.what} is never written: {missing}"
            )
        except Exception:  # noqa: BLE001 - the outermost loop: one entry must not stop the others
            _log.exception("registry write failed", extra={"key": str(key), "entry": entry.what})
            message = f"{entry.what} is not written: see the controller's log"
            return RegistryAnswer(entry=entry, writing=Writing.REFUSED, message=message)
        return RegistryAnswer(entry=entry, writing=Writing.WRITTEN)

    def _note(self, key: ResourceKey, answer: RegistryAnswer) -> None:
        """Keep what was said of an entry that is still offered; the resource is woken when that is news."""
        self._telemetry.registry_written(answer.writing.value)
        offered = self._offered.get(key, {})
        if answer.entry not in offered or offered[answer.entry] == answer:
            return
        offered[answer.entry] = answer
        _log.log(
            logging.WARNING if answer.message else logging.INFO,
            answer.message or f"{answer.entry.what} is written",
            extra={"key": str(key), "outcome": answer.writing.value},
        )
        self._wake(key)
