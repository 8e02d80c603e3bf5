"""Live quality as series: computed in rounds, for the resources that labels came for."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.live_quality import LiveQuality
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry

_log = logging.getLogger(__name__)
_REST: Final = 4.0
"""Times what one answer took: rounds take at most a fifth of a processor, however many labels there are."""


class QualityRounds:
    """Bounded by the number of resources."""

    def __init__(
        self,
        live: LiveQuality,
        telemetry: DriftMonitorTelemetry,
        note: Callable[[QualityReport], Awaitable[None]],
        *,
        every_seconds: float,
    ) -> None:
        """`note` keeps an answer in the resource's course. It raises UnknownResource where there is none any more."""
        self._live, self._telemetry, self._note, self._every = live, telemetry, note, every_seconds
        self._due: dict[tuple[str, str], None] = {}

    def labels_came(self, namespace: str, name: str) -> None:
        """Have the resource's series renewed in the next round."""
        self._due[namespace, name] = None

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            for key in list(self._due):
                del self._due[key]
                await self._renew(*key)

    async def _renew(self, namespace: str, name: str) -> None:
        begun = time.perf_counter()
        try:
            report = await self._live.of(namespace, name)
            await self._note(report)  # first: of a resource that was forgotten meanwhile no series may stay
            self._telemetry.quality_is(report)
        except UnknownResource:
            return  # it was deleted meanwhile
        except Exception:  # noqa: BLE001 - the outermost loop: one resource's fault must not end the series of all
            _log.exception("live quality not computed", extra={"key": f"{namespace}/{name}"})
        await asyncio.sleep(_REST * (time.perf_counter() - begun))
