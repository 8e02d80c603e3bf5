"""How good what was served is, from labels."""

import asyncio
import sqlite3
from collections.abc import Callable

from fastapi import APIRouter

from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.labelled import quality_report
from penstock_drift_monitor.routes.resources import ResourceName
from penstock_drift_monitor.writer import Writer


def quality_routes(writer: Writer, reader: Callable[[], sqlite3.Connection], limit: int) -> APIRouter:
    """Live quality; one is computed at a time."""
    router = APIRouter(prefix="/v1", tags=["quality"])
    turn = asyncio.Semaphore(1)

    @router.get("/quality/{namespace}/{name}")
    async def quality(namespace: ResourceName, name: ResourceName) -> QualityReport:
        """Give the figures of each version, and how versions differ on the rows that they share."""
        resource, wish = await writer.do(lambda ledger: ledger.wish_of(namespace, name))
        async with turn:
            return await asyncio.to_thread(quality_report, reader, namespace, name, resource, wish, limit)

    return router
