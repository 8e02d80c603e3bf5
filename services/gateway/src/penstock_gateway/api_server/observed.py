"""The newest World, and whether it changed since somebody looked. No queue: only the newest state counts."""

import asyncio
from collections.abc import Callable

from penstock_gateway.api_server.snapshot import World


class Observed:
    """Written by the watches, read by the agent; one event loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._changed = asyncio.Event()
        self._since: float | None = None
        self.world = World()

    def fold(self, change: Callable[[World], World]) -> None:
        """Replace the world; a change that makes no difference wakes nobody."""
        world = change(self.world)
        if world == self.world:
            return
        self.world = world
        if self._since is None:
            self._since = self._clock()
        self._changed.set()

    async def changed(self) -> None:
        """Return when the world has changed since `take`."""
        await self._changed.wait()

    def take(self) -> tuple[World, float | None]:
        """Return the world, and since when it has been waiting; None: it has not changed since the last call."""
        since, self._since = self._since, None
        self._changed.clear()
        return self.world, since
