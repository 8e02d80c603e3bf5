"""How good two versions are by the same labels."""

import time
from typing import Annotated

from fastapi import APIRouter, Query

from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_drift_monitor.routes.resources import ResourceName
from penstock_drift_monitor.writer import Writer


def paired_quality_routes(writer: Writer) -> APIRouter:
    """Whose quality is compared, and what was counted."""
    router = APIRouter(prefix="/v1", tags=["quality"])

    @router.put("/paired-quality/{namespace}/{name}")
    async def compare(namespace: ResourceName, name: ResourceName, wish: PairedQualityWish) -> PairedQualityReport:
        """Compare two versions' quality from now on; the answer is what was counted so far."""
        return await writer.do(lambda ledger: ledger.compare_quality(namespace, name, wish, time.time()))

    @router.get("/paired-quality/{namespace}/{name}")
    async def paired_quality(
        namespace: ResourceName, name: ResourceName, attempt: Annotated[int | None, Query(ge=0)] = None
    ) -> PairedQualityReport:
        """Give what was counted. `attempt`: 404 where another one was compared last."""
        return await writer.do(lambda ledger: ledger.paired_quality(namespace, name, attempt))

    return router
