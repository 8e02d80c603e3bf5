"""The newest snapshot, and whether it changed since somebody looked. No queue: only the newest state counts."""

import asyncio
from collections.abc import Callable

from penstock_gateway.api_server.snapshot import ApiServerSnapshot


class LatestSnapshot:
    """Written by the watches, read by the agent; one event loop."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._changed = asyncio.Event()
        self._since: float | None = None
        self.snapshot = ApiServerSnapshot()

    def fold(self, change: Callable[[ApiServerSnapshot], ApiServerSnapshot]) -> None:
        """Replace the snapshot; a change that makes no difference wakes nobody."""
        snapshot = change(self.snapshot)
        if snapshot == self.snapshot:
            return
        self.snapshot = snapshot
        if self._since is None:
            self._since = self._clock()
        self._changed.set()

    async def wait_for_change(self) -> None:
        """Return when the snapshot has changed since `take`."""
        await self._changed.wait()

    def take(self) -> tuple[ApiServerSnapshot, float | None]:
        """Return the snapshot, and since when it has been waiting; None: it has not changed since the last call."""
        since, self._since = self._since, None
        self._changed.clear()
        return self.snapshot, since
