"""Where a comparison of served features with those of training comes in."""

import time

from fastapi import APIRouter

from penstock_contracts.skew import SkewComparison, SkewReport
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.routes.resources import ResourceName
from penstock_drift_monitor.writer import Writer


def skew_routes(writer: Writer) -> APIRouter:
    """The newest comparison of each resource."""
    router = APIRouter(prefix="/v1", tags=["skew"])

    @router.put("/skew/{namespace}/{name}")
    async def compared(namespace: ResourceName, name: ResourceName, comparison: SkewComparison) -> SkewReport:
        """Take a comparison, in place of the one before; the answer is what it says."""
        now = time.time()
        return await writer.do(lambda ledger: ledger.skews.keep(ledger.known(namespace, name), comparison, now))

    @router.get("/skew/{namespace}/{name}")
    async def skew(namespace: ResourceName, name: ResourceName) -> SkewReport:
        """Give the newest comparison; 404: there is none."""
        report = await writer.do(lambda ledger: ledger.skews.report(ledger.known(namespace, name)))
        if report is None:
            raise UnknownResource(
                f"nobody has compared the features of {namespace}/{name}: PUT /v1/skew/{namespace}/{name}"
            )
        return report

    return router
