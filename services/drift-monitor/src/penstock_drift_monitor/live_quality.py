"""Live quality of what is watched, computed when it is asked for."""

import asyncio
import sqlite3
from collections.abc import Callable

from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.labelled import quality_report
from penstock_drift_monitor.writer import Writer


class LiveQuality:
    """Computes one answer at a time: each may take a second of a processor and some memory."""

    def __init__(self, writer: Writer, reader: Callable[[], sqlite3.Connection], limit: int) -> None:
        """`reader` opens the database for reading. `limit`: labelled answers of a version that are looked at."""
        self._writer, self._reader, self._limit = writer, reader, limit
        self._turn = asyncio.Semaphore(1)

    async def of(self, namespace: str, name: str) -> QualityReport:
        """Figures of each version, and how versions differ on the rows that they share. Raises UnknownResource."""
        resource, wish = await self._writer.do(lambda ledger: ledger.wish_of(namespace, name))
        async with self._turn:
            return await asyncio.to_thread(quality_report, self._reader, namespace, name, resource, wish, self._limit)
