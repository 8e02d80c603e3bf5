"""Is it alive, is it ready, and what is it?"""

from fastapi import APIRouter, Response

from penstock_predictor.http.asgi_exchange import as_response
from penstock_predictor.http.openapi import refusals
from penstock_predictor.http.probes import LIVE, READY, Probes
from penstock_predictor.serving.runtime import Runtime


def health_routes(runtime: Runtime) -> APIRouter:
    """Probes and the state that a person reads."""
    router = APIRouter(tags=["health"])
    probes = Probes(runtime)

    @router.get(LIVE, response_model=dict[str, bool])
    async def live() -> Response:
        """The process answers; true while it loads, too."""
        return as_response(probes.live())

    @router.get(READY, responses=refusals(503))
    async def ready() -> Response:
        """200 once the golden request was answered right and until the pod drains; else 503 with the reason."""
        return as_response(probes.ready())

    @router.get("/health", responses=refusals(503))
    async def health() -> Response:
        """The state in words, with what was loaded; 200 exactly when ready."""
        settings, model = runtime.settings, runtime.model
        return as_response(
            probes.judged(
                {
                    "state": runtime.lifecycle.state.stage,
                    "model_name": settings.model_name,
                    "version": settings.model_version,
                    "digest": model.identity.digest if model else None,
                }
            )
        )

    return router
