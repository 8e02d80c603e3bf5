"""Keys with due times. A key is in it once, and is never worked on twice at the same time."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from penstock_controller.ports import ResourceKey

_HEAD_START = 5.0
"""Seconds by which a key that is pressing goes before others of its namespace, and no longer keeps them waiting."""


class WorkQueue:
    """Bounded by the number of resources: adding a key that waits only brings it forward.

    Namespaces take turns: one with many keys delays another's by one piece of work, however many they are.
    """

    def __init__(self, clock: Callable[[], float], *, workers: int = 1) -> None:
        """`clock`: seconds, monotonic. `workers`: how many take."""
        self._clock = clock
        self._is_pressing: Callable[[ResourceKey], bool] = lambda _: False
        self._workers = workers
        self._most_per_namespace = max(1, workers - 1)
        self._due: dict[ResourceKey, float] = {}
        self._running: dict[ResourceKey, float] = {}
        self._not_before: dict[ResourceKey, float] = {}
        self._turn = 0
        self._last_turn: dict[str, int] = {}
        """When each namespace that is in the queue had its last turn, in turns."""
        self._changed = asyncio.Event()

    def put_first(self, is_pressing: Callable[[ResourceKey], bool]) -> None:
        """Have keys go before others of their namespace: evidence and ways back before new starts."""
        self._is_pressing = is_pressing

    def add(self, key: ResourceKey, delay: float = 0.0) -> None:
        """Make a key due in `delay` seconds, or earlier where it is due earlier already."""
        due = max(self._clock() + delay, self._not_before.get(key, 0.0))
        self._due[key] = min(due, self._due.get(key, due))
        self._changed.set()

    async def take(self) -> ResourceKey:
        """Wait for the next due key. It stays out of others' hands until `done`."""
        while True:
            self._changed.clear()
            now = self._clock()
            ready = [key for key, due in self._due.items() if due <= now and key not in self._running]
            key = self._next(ready)
            if key is not None:
                del self._due[key]
                self._not_before.pop(key, None)
                self._running[key] = now
                self._turn += 1
                self._last_turn[key.namespace] = self._turn
                return key
            await self._wait(self._until_next(now))

    def done(self, key: ResourceKey, again: float | None = None, *, not_before: float = 0.0) -> None:
        """Give a taken key back; it is due `again` seconds after it was taken. None: when it is added.

        At least half of `again` is left to others: a pass that takes longer than that would follow on itself.
        `not_before`: seconds in which nothing brings it forward: what fails may not come again with each event.
        """
        now = self._clock()
        taken = self._running.pop(key)
        if not_before:
            self._not_before[key] = now + not_before
            if key in self._due:
                self._due[key] = max(self._due[key], now + not_before)
        if again is not None:
            self.add(key, max(again - (now - taken), again / 2))
        elif key not in self._due:
            self._not_before.pop(key, None)
        self._forget_namespace(key.namespace)
        self._changed.set()

    async def serve(self, visit: Callable[[ResourceKey], Awaitable[float | None]]) -> None:
        """Have all workers visit due keys, until cancelled. `visit` answers as `done` takes it, and raises nothing."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._workers):
                tasks.create_task(self._work(visit))

    async def _work(self, visit: Callable[[ResourceKey], Awaitable[float | None]]) -> None:
        while True:
            key = await self.take()
            again = None
            try:
                again = await visit(key)
            finally:
                self.done(key, again)

    def waiting(self) -> int:
        """How many keys are due and not taken. Any thread may ask."""
        now = self._clock()
        return sum(due <= now for key, due in list(self._due.items()) if key not in self._running)

    def _next(self, ready: list[ResourceKey]) -> ResourceKey | None:
        """Of the namespace that has least under way, and among those had its turn longest ago."""
        under_way = Counter(key.namespace for key in self._running)
        shared = len({key.namespace for key in (*self._due, *self._running)}) > 1
        most = self._most_per_namespace if shared else len(self._running) + 1
        free = [key for key in ready if under_way[key.namespace] < most]

        def rank(key: ResourceKey) -> tuple[int, int, float, ResourceKey]:
            due = self._due[key] - (_HEAD_START if self._is_pressing(key) else 0.0)
            return under_way[key.namespace], self._last_turn.get(key.namespace, 0), due, key

        return min(free, key=rank, default=None)

    def _until_next(self, now: float) -> float | None:
        """Seconds until a key becomes due; those that are due already wait for `done`. None: there is none."""
        later = [due for key, due in self._due.items() if key not in self._running and due > now]
        return min(later) - now if later else None

    def _forget_namespace(self, namespace: str) -> None:
        if not any(key.namespace == namespace for key in (*self._due, *self._running)):
            self._last_turn.pop(namespace, None)

    async def _wait(self, seconds: float | None) -> None:
        # Not wait_for: in Python 3.11 it swallows a cancellation that comes together with what is waited for, and a
        # worker that was told to end would go on.
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
