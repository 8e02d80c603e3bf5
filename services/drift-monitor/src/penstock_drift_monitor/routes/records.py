"""Where predictors send their records."""

import asyncio
import time

from fastapi import APIRouter, Request, Response

from penstock_contracts.records import RECORDS_PATH
from penstock_drift_monitor.errors import MonitorError, NoRoom, ReplicaAway
from penstock_drift_monitor.intake import read_batch
from penstock_drift_monitor.replicas.passing_on import NamedResource, PassingOn
from penstock_drift_monitor.room import Room
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry
from penstock_drift_monitor.writer import Writer


def record_routes(
    writer: Writer, telemetry: DriftMonitorTelemetry, room: Room, max_rows: int, passing_on: PassingOn
) -> APIRouter:
    """Records come in. Pods of a revision from before a change of replicas send to who held the resource then."""
    router = APIRouter(tags=["records"])

    async def take(request: Request) -> Response:
        with room.take(request):
            body = await room.body(request)
            now = time.time()
            intake = await asyncio.to_thread(read_batch, body, now=now, max_rows=max_rows)
            resource = NamedResource(namespace=intake.batch.namespace, name=intake.batch.name)
            elsewhere = await passing_on.answered(resource, request, body)
            if elsewhere is not None:
                return elsewhere
            taken = await writer.do(lambda ledger: ledger.take(intake, now))
        batch = intake.batch
        telemetry.batch_ended("kept" if taken.new else "repeated")
        telemetry.rows_came(batch.namespace, batch.name, rows=taken.rows, unnamed=taken.unnamed, dropped=taken.dropped)
        return Response(status_code=204)

    @router.post(RECORDS_PATH, status_code=204)
    async def records(request: Request) -> Response:
        """Take a batch; 204 when it is on the disk. The same number of the same sender again changes nothing."""
        try:
            return await take(request)
        except ReplicaAway:
            raise
        except NoRoom:
            telemetry.batch_ended("refused")
            raise
        except MonitorError:
            telemetry.batch_ended("unreadable")
            raise

    return router
