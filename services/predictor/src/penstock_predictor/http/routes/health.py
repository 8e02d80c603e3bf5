"""Is it alive, is it ready, and what is it?"""

from http import HTTPStatus

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from penstock_predictor.http.openapi import refusals
from penstock_predictor.serving.runtime import Runtime


def health_routes(runtime: Runtime) -> APIRouter:
    """Probes and the state that a person reads."""
    router = APIRouter(tags=["health"])

    @router.get("/v2/health/live")
    async def live() -> dict[str, bool]:
        """The process answers; true while it loads, too."""
        return {"live": True}

    @router.get("/v2/health/ready", responses=refusals(503))
    async def ready() -> JSONResponse:
        """200 once the golden request was answered right and until the pod drains; else 503 with the reason."""
        return _judged(runtime, {"ready": runtime.lifecycle.ready})

    @router.get("/health", responses=refusals(503))
    async def health() -> JSONResponse:
        """The state in words, with what was loaded; 200 exactly when ready."""
        settings, model = runtime.settings, runtime.model
        return _judged(
            runtime,
            {
                "state": runtime.lifecycle.state.phase,
                "model_name": settings.model_name,
                "version": settings.model_version,
                "digest": model.identity.digest if model else None,
            },
        )

    return router


def _judged(runtime: Runtime, body: dict[str, object]) -> JSONResponse:
    state = runtime.lifecycle.state
    if runtime.lifecycle.ready:
        return JSONResponse(body)
    return JSONResponse({**body, "error": state.reason}, status_code=HTTPStatus.SERVICE_UNAVAILABLE)
