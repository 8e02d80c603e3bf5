"""How good what was served is, from labels."""

from fastapi import APIRouter

from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.live_quality import LiveQuality
from penstock_drift_monitor.routes.resources import ResourceName


def quality_routes(live: LiveQuality) -> APIRouter:
    """Live quality."""
    router = APIRouter(prefix="/v1", tags=["quality"])

    @router.get("/quality/{namespace}/{name}")
    async def quality(namespace: ResourceName, name: ResourceName) -> QualityReport:
        """Give the figures of each version, and how versions differ on the rows that they share."""
        return await live.of(namespace, name)

    return router
