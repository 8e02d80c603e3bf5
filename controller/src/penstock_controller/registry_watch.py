"""Follows the registries: each reference is asked for once per interval, however many resources have it.

Each connection has its own rounds and bounds: one that hangs, or answers nonsense, delays no other.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_controller.errors import RegistryAway, VersionMissing
from penstock_controller.ports import RegistryReader, ResourceKey
from penstock_controller.rollout.observation import RegistryVersion

_log = logging.getLogger(__name__)
_LOOK_UPS = 4
"""Of one connection at the same time."""
_GIVEN_UP_AFTER = 8
"""Look-ups in a row without an answer, after which a round asks for no more: the next begins with the others."""
_GAP = 3.0
"""Seconds between two changes of a reference that are told."""
_FREE_CHANGES = 6
"""Told at that pace, as many as a person makes; more only as they come back."""
_COMES_BACK_AFTER = 20.0
"""Seconds for each."""


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """What is known of a reference."""

    version: RegistryVersion | None = None
    """The last version that the registry named."""
    away: str = ""
    """Why the registry did not answer the last time; the version stays the last known."""
    missing: tuple[str, str] | None = None
    """Reason and message: the registry answered that it does not exist."""


@dataclass
class _Pace:
    """Slows down a reference that names one version, then another, and so on: each change is a rollout."""

    free: float = _FREE_CHANGES
    told_at: float | None = None

    def lets(self, now: float) -> bool:
        """Whether a change may be told now."""
        if self.told_at is None:
            free = self.free
        else:
            free = min(_FREE_CHANGES, self.free + (now - self.told_at) / _COMES_BACK_AFTER)
            if now - self.told_at < _GAP:
                return False
        if free < 1:
            return False
        self.free, self.told_at = free - 1, now
        return True


@dataclass
class _Round:
    """What is left to be asked of one connection, and how it went so far."""

    left: list[RegistryRef]
    unanswered: int = 0
    why: str = ""
    retry_after: float = 0.0


@dataclass
class _WatchedConnection:
    new: asyncio.Event = field(default_factory=asyncio.Event)
    asked_last: dict[RegistryRef, int] = field(default_factory=dict)
    """By number of the look-up: those not asked for longest go first."""
    look_ups: int = 0


class RegistryWatch:
    """Holds the resolutions and wakes the resources whose resolution changed."""

    def __init__(
        self,
        registry: RegistryReader,
        connections: Iterable[str],
        wake: Callable[[ResourceKey], None],
        interval: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`interval`: seconds between two look-ups. `clock`: seconds, monotonic."""
        self._registry = registry
        self._wake = wake
        self._interval = interval
        self._clock = clock
        self._connections = {name: _WatchedConnection() for name in connections}
        self._followers: dict[ResourceKey, RegistryRef] = {}
        self._known: dict[RegistryRef, Resolution] = {}
        self._paces: dict[RegistryRef, _Pace] = {}

    def follow(self, key: ResourceKey, reference: RegistryRef) -> Resolution | None:
        """What is known of a resource's reference; None: nothing yet, the resource is woken when it is."""
        reference = reference.wish
        if self._followers.get(key) != reference:
            self._followers[key] = reference
            self._drop_unfollowed()
        connection = self._connections.get(reference.connection)
        if connection is None:
            return self._unknown(reference)
        if reference not in self._known:
            connection.new.set()
        return self._known.get(reference)

    def forget(self, key: ResourceKey) -> None:
        """The resource is gone."""
        self._followers.pop(key, None)
        self._drop_unfollowed()

    def _unknown(self, reference: RegistryRef) -> Resolution:
        known = ", ".join(sorted(self._connections)) or "none"
        message = f"spec.registry.connection: {reference.connection!r} is not among those defined: {known}"
        return Resolution(missing=(Reason.UNKNOWN_CONNECTION, message))

    def _drop_unfollowed(self) -> None:
        followed = set(self._followers.values())
        for gone in self._known.keys() - followed:
            del self._known[gone]
            self._paces.pop(gone, None)

    async def run(self) -> None:
        """Poll for ever."""
        async with asyncio.TaskGroup() as tasks:
            for name in self._connections:
                tasks.create_task(self._follow_connection(name))

    async def _follow_connection(self, name: str) -> None:
        """All references once per interval; new ones at once, unless the registry asked to be left alone."""
        connection = self._connections[name]
        whole_at = 0.0
        while True:
            connection.new.clear()
            is_whole = self._clock() >= whole_at
            wait = await self._round(name, is_whole=is_whole)
            if is_whole:
                whole_at = self._clock() + self._interval
            if wait:
                await asyncio.sleep(wait)
            try:
                await asyncio.wait_for(connection.new.wait(), timeout=max(0.0, whole_at - self._clock()))
            except TimeoutError:
                continue

    async def _round(self, name: str, *, is_whole: bool) -> float:
        """Ask once for each reference; answers how many seconds the registry asked to be left alone."""
        connection = self._connections[name]
        followed = {each for each in self._followers.values() if each.connection == name}
        connection.asked_last = {each: last for each, last in connection.asked_last.items() if each in followed}
        due = followed if is_whole else followed - self._known.keys()
        current = _Round(left=sorted(due, key=lambda each: connection.asked_last.get(each, 0), reverse=True))
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_LOOK_UPS):
                tasks.create_task(self._work_off(connection, current))
        for reference in current.left:
            # Asked for in a later round: until then what holds for the others holds for it.
            self._note(reference, self._away(reference, current.why))
        return current.retry_after

    async def _work_off(self, connection: _WatchedConnection, current: _Round) -> None:
        while current.left and current.unanswered < _GIVEN_UP_AFTER:
            reference = current.left.pop()
            connection.look_ups += 1
            connection.asked_last[reference] = connection.look_ups
            self._note(reference, await self._resolve(reference, current))

    def _note(self, reference: RegistryRef, now: Resolution) -> None:
        before = self._known.get(reference)
        if now == before or reference not in self._followers.values():
            return
        moved = before and before.version and now.version and now.version != before.version
        if moved and not self._paces.setdefault(reference, _Pace()).lets(self._clock()):
            return
        self._known[reference] = now
        for key, followed in self._followers.items():
            if followed == reference:
                self._wake(key)

    async def _resolve(self, reference: RegistryRef, current: _Round) -> Resolution:
        try:
            found = Resolution(version=await self._registry.resolve(reference))
        except VersionMissing as missing:
            found = Resolution(missing=(missing.reason, str(missing)))
        except RegistryAway as away:
            current.unanswered += 1
            current.why = str(away)
            current.retry_after = max(current.retry_after, away.retry_after)
            return self._away(reference, current.why)
        except Exception:  # noqa: BLE001 - the outermost loop: one answer must not end the look-ups of all
            _log.exception("look-up failed", extra={"connection": reference.connection, "model": reference.model})
            current.unanswered += 1
            current.why = f"the look-up at registry {reference.connection!r} failed: see the controller's log"
            return self._away(reference, current.why)
        current.unanswered = 0
        return found

    def _away(self, reference: RegistryRef, why: str) -> Resolution:
        before = self._known.get(reference)
        return Resolution(version=before.version if before else None, away=why)
