"""The HTTP application: puts routes, ingests and storage together."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException

from penstock_contracts.inference import ErrorResponse
from penstock_model_store.blobs import Blobs
from penstock_model_store.disk import Disk, RealDisk
from penstock_model_store.ingests import BackOff, Ingests
from penstock_model_store.judge import judge_of
from penstock_model_store.keepers import Keepers
from penstock_model_store.pipeline import Pipeline
from penstock_model_store.retention import Retention
from penstock_model_store.routes.digests import digest_routes
from penstock_model_store.routes.kept import kept_routes
from penstock_model_store.routes.versions import version_routes
from penstock_model_store.settings import ModelStoreSettings, Registries
from penstock_model_store.telemetry import ModelStoreTelemetry
from penstock_model_store.throwaway import Opener, Puller
from penstock_model_store.version_index import VersionIndex


def create_app(
    settings: ModelStoreSettings, registries: Registries, metrics: CollectorRegistry, disk: Disk | None = None
) -> FastAPI:
    """Build the store over its data folder, which is brought in order first."""
    disk = disk or RealDisk()
    blobs = Blobs(settings.data, disk)
    telemetry = ModelStoreTelemetry(metrics)
    telemetry.holds(blobs.held())
    telemetry.volume_is(settings.data)
    index = VersionIndex(settings.data, disk, judge_of(settings.limits()))
    retention = Retention(
        blobs=blobs,
        index=index,
        keepers=Keepers(settings.data, disk),
        telemetry=telemetry,
        grace=settings.grace_seconds,
    )
    puller = Puller(settings.pull_seconds)
    ingests = Ingests(
        ingestion=_pipeline(settings, registries, blobs, puller),
        blobs=blobs,
        index=index,
        telemetry=telemetry,
        clock=time.monotonic,
        queue_size=settings.queue_size,
        workers=settings.workers,
        back_off=BackOff(first=settings.retry_first_seconds, longest=settings.retry_longest_seconds),
    )
    app = FastAPI(title="Penstock model store", lifespan=_lifespan(ingests, puller))
    app.include_router(version_routes(ingests, registries.registries))
    app.include_router(digest_routes(blobs))
    app.include_router(kept_routes(retention))
    _add_health(app, metrics)
    _add_errors(app)
    return app


def _pipeline(settings: ModelStoreSettings, registries: Registries, blobs: Blobs, puller: Puller) -> Pipeline:
    limits = settings.limits()
    return Pipeline(
        pulls=puller,
        opens=Opener(limits),
        blobs=blobs,
        registries=registries.uris(),
        limits=limits,
        schemes=settings.artifact_schemes,
        local_roots=settings.local_roots,
    )


def _lifespan(ingests: Ingests, puller: Puller) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await puller.warm_up()
        work = asyncio.create_task(ingests.run(), name="ingests")
        yield
        work.cancel()
        # Ingests under way end their processes and leave nothing; they are asked for again after the restart.
        await asyncio.gather(work, return_exceptions=True)

    return lifespan


def _add_health(app: FastAPI, metrics: CollectorRegistry) -> None:
    @app.get("/health", tags=["operation"])
    async def health() -> dict[str, str]:
        """Say that the store answers. A registry that is away does not make it unhealthy: it still serves."""
        return {"status": "ok"}

    @app.get("/metrics", tags=["operation"])
    async def exposition() -> Response:
        """Give the series in Prometheus' text form."""
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        body = ErrorResponse(error=str(error.detail))
        return JSONResponse(body.model_dump(), status_code=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        return JSONResponse(ErrorResponse(error=problems).model_dump(), status_code=422)
