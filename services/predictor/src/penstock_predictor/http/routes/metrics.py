"""For Prometheus."""

from fastapi import APIRouter, Request, Response

from penstock_predictor.http.asgi_exchange import as_response
from penstock_predictor.http.probes import METRICS, Probes
from penstock_predictor.serving.runtime import Runtime

_FORMATS: dict[str, dict[str, object]] = {"text/plain": {}, "application/openmetrics-text": {}}


def metrics_routes(runtime: Runtime) -> APIRouter:
    """The registry that the application was given, in the format that the scraper asks for."""
    router = APIRouter(tags=["metrics"])
    probes = Probes(runtime)

    @router.get(METRICS, responses={200: {"content": _FORMATS}}, response_class=Response)
    async def scrape(request: Request) -> Response:
        """Every series; names and meanings are in the contracts."""
        return as_response(probes.metrics(request.headers.get("accept", "")))

    return router
