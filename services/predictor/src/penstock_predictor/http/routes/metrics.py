"""For Prometheus."""

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

from penstock_predictor.metrics import Metrics

_FORMATS: dict[str, dict[str, object]] = {"text/plain": {}, "application/openmetrics-text": {}}


def metrics_routes(metrics: Metrics) -> APIRouter:
    """The registry that the application was given, in the format that the scraper asks for."""
    router = APIRouter(tags=["metrics"])

    @router.get("/metrics", responses={200: {"content": _FORMATS}}, response_class=Response)
    async def scrape(request: Request) -> Response:
        """Every series; names and meanings are in the contracts."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), headers={"content-type": content_type})

    return router
