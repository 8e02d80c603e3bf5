"""Has the writer note the course of what got rows, one resource at a time, so that no batch waits long behind it."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from penstock_drift_monitor.course_notes import EVERY_SECONDS
from penstock_drift_monitor.errors import MonitorError
from penstock_drift_monitor.writer import Writer

_log = logging.getLogger(__name__)
_REST: Final = 9.0
"""Times what one note took: notes take at most a tenth of the writer's time, however many resources there are."""


class CourseRounds:
    """Bounded by the number of resources."""

    def __init__(
        self, writer: Writer, *, every_seconds: float = EVERY_SECONDS, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` gives Unix seconds."""
        self._writer, self._every, self._clock = writer, every_seconds, clock

    async def run(self) -> None:
        """Note until cancelled."""
        while True:
            try:
                for resource in await self._writer.do(lambda ledger: ledger.course_due()):
                    await self._note(resource)
            except MonitorError as error:
                _log.warning("courses not noted: %s: tried again", error)
            except Exception:  # noqa: BLE001 - the outermost loop: one resource's fault must not end all courses
                _log.exception("courses not noted")
            await asyncio.sleep(self._every)

    async def _note(self, resource: int) -> None:
        begun = time.perf_counter()
        now = self._clock()
        await self._writer.do(lambda ledger: ledger.note_course(resource, now))
        await asyncio.sleep(_REST * (time.perf_counter() - begun))
