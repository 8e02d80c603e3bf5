"""Which resources there are when the controller starts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from penstock_controller.errors import ClusterAway
from penstock_controller.ports import Resources
from penstock_controller.turns import Turns

_AGAIN = 2.0
"""Seconds."""

_log = logging.getLogger(__name__)


class Roll:
    """Called once."""

    def __init__(
        self, resources: Resources, turns: Turns, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """`pause`: waits for seconds."""
        self._resources = resources
        self._turns = turns
        self._pause = pause

    async def call(self) -> None:
        """Ask until the API server answers: before that nobody gets a turn. Ends then; a refusal is raised."""
        while True:
            try:
                self._turns.expect(await self._resources.keys())
            except ClusterAway as away:
                _log.warning("resources not listed yet", extra={"detail": str(away)})
                await self._pause(_AGAIN)
            else:
                return
