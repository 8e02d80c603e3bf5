"""Which resources there are when the controller starts, and whether it may see them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from penstock_controller.errors import ClusterAway, Rejected, WriteConflict
from penstock_controller.ports import ModelDeployments, ResourceKey

_AGAIN = 2.0
"""Seconds."""
_REFUSED = (
    "cannot list ModelDeployments: is their CRD installed, and may the controller's service account list and watch "
    "them? The controller begins when it can"
)

_log = logging.getLogger(__name__)


class Roll:
    """Called once, before the watch begins: kopf looks for the CRD once only, and stays deaf where there is none."""

    def __init__(
        self,
        resources: ModelDeployments,
        *tell: Callable[[Iterable[ResourceKey]], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`tell`: who waits for all resources to have been looked at. `pause`: waits for seconds."""
        self._resources = resources
        self._tell = tell
        self._pause = pause

    async def call(self) -> None:
        """Ask until the API server lists them: before that nobody gets a turn, or moves an alias."""
        refused = False
        while True:
            try:
                keys = await self._resources.keys()
            except (WriteConflict, Rejected) as error:
                _log.error(_REFUSED, extra={"detail": str(error)})
                refused = True
            except ClusterAway as away:
                _log.warning("resources not listed yet", extra={"detail": str(away)})
            else:
                if not refused:
                    for tell in self._tell:
                        tell(keys)
                    return
                refused = False  # once more: what the API server says it has may lag behind a CRD that is new
            await self._pause(_AGAIN)
