"""How far two versions' predictions for the same inputs lie apart."""

import time
from typing import Annotated

from fastapi import APIRouter, Query

from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_drift_monitor.divergence_store import missing_scale
from penstock_drift_monitor.replays.rounds import ReplayRounds
from penstock_drift_monitor.routes.resources import ResourceName
from penstock_drift_monitor.samples import Samples
from penstock_drift_monitor.writer import Writer


def divergence_routes(writer: Writer, samples: Samples, replays: ReplayRounds) -> APIRouter:
    """Which versions are compared, and what was counted."""
    router = APIRouter(prefix="/v1", tags=["divergence"])

    @router.put("/divergence/{namespace}/{name}")
    async def compare(namespace: ResourceName, name: ResourceName, wish: DivergenceWish) -> DivergenceReport:
        """Compare two versions from now on; the answer is what was counted so far.

        With a replay, the candidate answers recorded requests as long as this is repeated.
        """
        report = await writer.do(lambda ledger: ledger.compare(namespace, name, wish, time.time()))
        samples.want_scale(namespace, name, missing_scale(report, wish))
        replays.follow(namespace, name, wish)
        return replays.told(report)

    @router.get("/divergence/{namespace}/{name}")
    async def divergence(
        namespace: ResourceName, name: ResourceName, attempt: Annotated[int | None, Query(ge=0)] = None
    ) -> DivergenceReport:
        """Give what was counted. `attempt`: 404 where another one was compared last."""
        return replays.told(await writer.do(lambda ledger: ledger.divergence(namespace, name, attempt)))

    return router
