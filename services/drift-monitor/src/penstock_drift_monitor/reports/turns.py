import asyncio
import contextlib
from collections.abc import AsyncIterator

from penstock_drift_monitor.reports.failure import FailureReason, ReportFailed


class ReportTurns:
    """One at a time, and a bounded number that wait."""

    def __init__(self, waiting: int) -> None:
        self._most = waiting
        self._lock = asyncio.Lock()
        self._present = 0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for one's turn; raises ReportFailed when too many wait already."""
        if self._present > self._most:
            raise ReportFailed(
                FailureReason.BUSY, f"{self._most} reports wait to be made already: ask again in a minute"
            )
        self._present += 1
        try:
            async with self._lock:
                yield
        finally:
            self._present -= 1
