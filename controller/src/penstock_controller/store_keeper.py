"""Tells the model store what is still needed: it removes the rest after its grace time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from penstock_controller.errors import Away
from penstock_controller.ports import Named, Shelf

_log = logging.getLogger(__name__)


class StoreKeeper:
    """Speaks only with a complete list in hand, and says all of it each time."""

    def __init__(
        self,
        named: Named,
        shelf: Shelf,
        *,
        interval: float,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`interval`: seconds between two words. `pause`: waits for seconds."""
        self._named = named
        self._shelf = shelf
        self._interval = interval
        self._pause = pause

    async def run(self) -> None:
        """Speak until cancelled. Whatever goes wrong, the store keeps what it was told last."""
        while True:
            try:
                await self._shelf.keep(await self._named.digests())
            except Away as away:
                _log.warning("the model store is not told what to keep", extra={"detail": str(away)})
            except Exception:  # noqa: BLE001 - the outermost loop: one bad answer must not end it
                _log.exception("the model store is not told what to keep")
            await self._pause(self._interval)
