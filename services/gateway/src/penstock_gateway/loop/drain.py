"""The end of a gateway pod: clients are asked to leave, and the agent stays as long as Envoy, acknowledging."""

import asyncio
import logging

from penstock_gateway.envoy.envoy_admin import EnvoyAdmin
from penstock_gateway.errors import EnvoyAway

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.25
_AWAY_POLLS = 4


class Drain:
    """Begins with SIGTERM."""

    def __init__(self, envoy: EnvoyAdmin) -> None:
        self._envoy = envoy
        self._begun = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        """The pod is ending."""
        return self._begun.is_set()

    def begin(self) -> None:
        """Called by the signal's handler."""
        self._begun.set()

    async def run(self) -> None:
        """Return when the pod is ending and Envoy is gone."""
        await self._undo_earlier_drain()
        await self._begun.wait()
        _log.info("asking clients to leave; staying until Envoy is gone")
        away = 0
        while away < _AWAY_POLLS:
            away = 0 if await self._drain_once() else away + 1
            await asyncio.sleep(_POLL_SECONDS)

    async def _drain_once(self) -> bool:
        try:
            await self._envoy.drain()
        except EnvoyAway:
            return False
        return True

    async def _undo_earlier_drain(self) -> None:
        """An agent that was restarted alone had told Envoy to drain, and nobody else would take that back."""
        while not self.has_begun:
            try:
                if await self._envoy.is_draining():
                    await self._envoy.undrain()
            except EnvoyAway:
                await asyncio.sleep(_POLL_SECONDS)
            else:
                return
