"""Whom to watch, and the verdict."""

import time
from typing import Annotated

from fastapi import APIRouter, Path, Response

from penstock_contracts.drift import DriftReport, DriftWish
from penstock_drift_monitor.replays.rounds import ReplayRounds
from penstock_drift_monitor.samples import Samples
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry
from penstock_drift_monitor.writer import Writer

ResourceName = Annotated[str, Path(min_length=1, max_length=512)]


def resource_routes(
    writer: Writer, samples: Samples, telemetry: DriftMonitorTelemetry, replays: ReplayRounds
) -> APIRouter:
    """Wishes and reports."""
    router = APIRouter(prefix="/v1", tags=["drift"])

    @router.put("/resources/{namespace}/{name}")
    async def watch(namespace: ResourceName, name: ResourceName, wish: DriftWish) -> DriftReport:
        """Watch a resource; the answer is the verdict so far. Missing reference samples are loaded meanwhile."""
        report = await writer.do(lambda ledger: ledger.wish(namespace, name, wish, time.time()))
        samples.want(namespace, name, wish)
        telemetry.found(report)
        return report

    @router.delete("/resources/{namespace}/{name}", status_code=204)
    async def forget(namespace: ResourceName, name: ResourceName) -> Response:
        """Forget all of a resource."""
        await writer.do(lambda ledger: ledger.forget(namespace, name))
        samples.want(namespace, name, None)
        samples.want_scale(namespace, name, None)
        replays.follow(namespace, name, None)
        telemetry.forget(namespace, name)
        return Response(status_code=204)

    @router.get("/drift/{namespace}/{name}")
    async def drift(namespace: ResourceName, name: ResourceName) -> DriftReport:
        """Give the verdict so far."""
        return await writer.do(lambda ledger: ledger.report(namespace, name))

    return router
