"""Keys with due times. A key is in it once, and is never worked on twice at the same time."""

import asyncio
from collections.abc import Callable

from penstock_controller.ports import Key


class WorkQueue:
    """Bounded by the number of resources: adding a key that waits only brings it forward.

    `clock`: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due: dict[Key, float] = {}
        self._running: dict[Key, float] = {}
        self._changed = asyncio.Event()

    def add(self, key: Key, delay: float = 0.0) -> None:
        """Make a key due in `delay` seconds, or earlier where it is due earlier already."""
        due = self._clock() + delay
        self._due[key] = min(due, self._due.get(key, due))
        self._changed.set()

    async def take(self) -> Key:
        """Wait for the next due key. It stays out of others' hands until `done`."""
        while True:
            self._changed.clear()
            key, wait = self._next()
            if key is not None and wait <= 0:
                del self._due[key]
                self._running[key] = self._clock()
                return key
            await self._wait(None if key is None else wait)

    def done(self, key: Key, again: float | None = None) -> None:
        """Give a taken key back; it is due `again` seconds after it was taken. None: when it is added.

        At least half of `again` is left to others: a pass that takes longer than that would follow on itself.
        """
        taken = self._running.pop(key)
        if again is not None:
            self.add(key, max(again - (self._clock() - taken), again / 2))
        self._changed.set()

    def waiting(self) -> int:
        """How many keys are due and not taken. Any thread may ask."""
        now = self._clock()
        return sum(due <= now for key, due in list(self._due.items()) if key not in self._running)

    def _next(self) -> tuple[Key | None, float]:
        free = [(due, key) for key, due in self._due.items() if key not in self._running]
        if not free:
            return None, 0.0
        due, key = min(free)
        return key, due - self._clock()

    async def _wait(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), timeout=seconds)
        except TimeoutError:
            return
