"""The HTTP application: puts routes, writer and storage together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException

from penstock_contracts.inference import ErrorResponse
from penstock_drift_monitor.database import open_database, open_for_reading
from penstock_drift_monitor.errors import MonitorError, NoRoom
from penstock_drift_monitor.label_store import LabelStore
from penstock_drift_monitor.ledger import Ledger, LedgerBounds
from penstock_drift_monitor.live_quality import LiveQuality
from penstock_drift_monitor.model_store import ModelStore
from penstock_drift_monitor.pages.report_routes import report_routes
from penstock_drift_monitor.pages.routes import page_routes
from penstock_drift_monitor.quality_rounds import QualityRounds
from penstock_drift_monitor.reports.job import make_report
from penstock_drift_monitor.room import Room
from penstock_drift_monitor.routes.labels import label_routes
from penstock_drift_monitor.routes.quality import quality_routes
from penstock_drift_monitor.routes.records import record_routes
from penstock_drift_monitor.routes.resources import resource_routes
from penstock_drift_monitor.routes.window import window_routes
from penstock_drift_monitor.samples import FetchPace, Samples
from penstock_drift_monitor.settings import Settings
from penstock_drift_monitor.telemetry import Telemetry
from penstock_drift_monitor.volume import take_folder
from penstock_drift_monitor.watched import WatchedModels
from penstock_drift_monitor.writer import Tidiness, Writer

_RETRY_AFTER = {"Retry-After": "2"}


def create_app(settings: Settings, metrics: CollectorRegistry) -> FastAPI:
    """Build the monitor over its data folder. Raises VolumeUnsuitable."""
    lock = take_folder(settings.data)
    telemetry = Telemetry(metrics)
    writer = Writer(
        _ledger(settings),
        telemetry,
        Tidiness(
            every_seconds=settings.tidy_seconds,
            retention_seconds=settings.label_retention_seconds,
            max_bytes=settings.max_bytes,
        ),
        queue_size=settings.queue_size,
    )
    reader = partial(open_for_reading, settings.data)
    samples = Samples(
        ModelStore(settings.store_url, settings.max_reference_bytes),
        writer,
        telemetry,
        FetchPace(
            fetch=settings.fetch_seconds, first=settings.retry_first_seconds, longest=settings.retry_longest_seconds
        ),
        reader,
    )
    room = Room(settings.max_waiting_bytes, settings.max_body_bytes)
    live = LiveQuality(writer, reader, settings.max_quality_rows)
    rounds = QualityRounds(live, telemetry, every_seconds=settings.quality_seconds)
    app = FastAPI(title="Penstock drift monitor", lifespan=_lifespan(writer, samples, rounds))
    app.state.lock = lock
    app.include_router(record_routes(writer, telemetry, room, settings.max_batch_rows))
    app.include_router(resource_routes(writer, samples, telemetry))
    app.include_router(label_routes(writer, telemetry, room, rounds, settings.max_labels))
    models = WatchedModels(writer, reader, live)
    make = partial(make_report, seconds=settings.report_seconds, memory_bytes=settings.report_memory_bytes)
    app.include_router(page_routes(models))
    app.include_router(report_routes(models, make))
    app.include_router(quality_routes(live))
    app.include_router(window_routes(writer, reader))
    _add_health(app, writer, metrics)
    _add_errors(app)
    return app


def _ledger(settings: Settings) -> Ledger:
    database = open_database(settings.data, settings.max_bytes)
    labels = LabelStore(
        database, retention_seconds=settings.label_retention_seconds, max_waiting=settings.max_waiting_labels
    )
    bounds = LedgerBounds(
        window_rows=settings.window_rows, resources=settings.max_resources, versions=settings.max_versions
    )
    return Ledger(database, bounds, labels)


def _lifespan(
    writer: Writer, samples: Samples, rounds: QualityRounds
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        writer.start()
        for (namespace, name), wish in (await writer.do(lambda ledger: ledger.wishes())).items():
            samples.want(namespace, name, wish)
            rounds.labels_came(namespace, name)
        renewing = asyncio.create_task(rounds.run(), name="quality")
        yield
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await samples.close()
        # Batches that wait are written and answered; what was not is sent again.
        await asyncio.to_thread(writer.stop)

    return lifespan


def _add_health(app: FastAPI, writer: Writer, metrics: CollectorRegistry) -> None:
    @app.get("/health/live", tags=["operation"])
    async def live() -> Response:
        """Say that the process works; 503: its writer is gone, so only a restart helps."""
        return JSONResponse({"status": "ok"}) if writer.works else JSONResponse({"status": "no writer"}, 503)

    @app.get("/health/ready", tags=["operation"])
    async def ready() -> Response:
        """Say that it takes requests. A model store that is away, or a full disk, is told in answers instead."""
        return await live()

    @app.get("/metrics", tags=["operation"])
    async def exposition() -> Response:
        """Give the series in Prometheus' text form."""
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(MonitorError)
    async def refused(_: Request, error: MonitorError) -> JSONResponse:
        headers = _RETRY_AFTER if isinstance(error, NoRoom) else None
        return JSONResponse(ErrorResponse(error=str(error)).model_dump(), status_code=error.status, headers=headers)

    @app.exception_handler(HTTPException)
    async def told(_: Request, error: HTTPException) -> JSONResponse:
        body = ErrorResponse(error=str(error.detail))
        return JSONResponse(body.model_dump(), status_code=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:20])
        return JSONResponse(ErrorResponse(error=problems).model_dump(), status_code=400)
