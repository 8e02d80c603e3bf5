"""The HTTP application: puts routes, writer and storage together."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.exceptions import HTTPException

from penstock_contracts.inference import ErrorResponse
from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.course_rounds import CourseRounds
from penstock_drift_monitor.database import open_database, open_for_reading
from penstock_drift_monitor.errors import MonitorError, NoRoom, ReplicaAway
from penstock_drift_monitor.label_store import LabelStore
from penstock_drift_monitor.ledger import Ledger, LedgerBounds
from penstock_drift_monitor.live_quality import LiveQuality
from penstock_drift_monitor.model_store import ModelStore
from penstock_drift_monitor.pages.report_routes import report_routes
from penstock_drift_monitor.pages.routes import page_routes
from penstock_drift_monitor.quality_rounds import QualityRounds
from penstock_drift_monitor.replays.replay_gateway import ReplayGateway
from penstock_drift_monitor.replays.rounds import ReplayRounds
from penstock_drift_monitor.replicas.gate import RETRY_AFTER, ReplicaGate
from penstock_drift_monitor.replicas.passing_on import PassingOn
from penstock_drift_monitor.replicas.share import ReplicaShare
from penstock_drift_monitor.replicas.whole_fleet import WholeFleet, watched_routes
from penstock_drift_monitor.reports.job import make_report
from penstock_drift_monitor.room import Room
from penstock_drift_monitor.routes.courses import course_routes
from penstock_drift_monitor.routes.divergence import divergence_routes
from penstock_drift_monitor.routes.labels import label_routes
from penstock_drift_monitor.routes.paired_quality import paired_quality_routes
from penstock_drift_monitor.routes.quality import quality_routes
from penstock_drift_monitor.routes.records import record_routes
from penstock_drift_monitor.routes.resources import resource_routes
from penstock_drift_monitor.routes.skew import skew_routes
from penstock_drift_monitor.routes.window import window_routes
from penstock_drift_monitor.samples import FetchPace, Samples
from penstock_drift_monitor.settings import DriftMonitorSettings
from penstock_drift_monitor.sinks.forwarding import Forwarding, outbox_of
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry
from penstock_drift_monitor.volume import take_folder
from penstock_drift_monitor.watched import WatchedModels
from penstock_drift_monitor.writer import Tidiness, Writer

_log = logging.getLogger(__name__)


def create_app(settings: DriftMonitorSettings, metrics: CollectorRegistry) -> FastAPI:
    """Build the monitor over its data folder. Raises VolumeUnsuitable and ReplicasUnsuitable."""
    share = ReplicaShare.of(settings.replica, settings.replicas)
    lock = take_folder(settings.data)
    telemetry = DriftMonitorTelemetry(metrics)
    writer = Writer(
        _ledger(settings, share.own),
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
    passing_on = PassingOn(share, telemetry, silent_seconds=settings.replica_seconds)
    live = LiveQuality(writer, reader, settings.max_quality_rows)
    rounds = QualityRounds(live, telemetry, _noting(writer), every_seconds=settings.quality_seconds)
    courses = CourseRounds(writer, every_seconds=settings.course_seconds)
    replays = ReplayRounds(
        writer, reader, telemetry, ReplayGateway(settings.replay_url) if settings.replay_url else None
    )
    tasks = (rounds, courses, Forwarding(settings, writer, reader, metrics))
    app = FastAPI(
        title="Penstock drift monitor", lifespan=_lifespan(writer, samples, tasks, share, (replays, passing_on))
    )
    app.state.lock = lock
    app.include_router(record_routes(writer, telemetry, room, settings.max_batch_rows, passing_on))
    app.include_router(resource_routes(writer, samples, telemetry, replays))
    app.include_router(label_routes(writer, telemetry, room, rounds, settings.max_labels, passing_on=passing_on))
    models = WatchedModels(writer, reader, live)
    make = partial(make_report, seconds=settings.report_seconds, memory_bytes=settings.report_memory_bytes)
    if share.others():
        app.add_middleware(ReplicaGate, passing_on=passing_on, room=room, report_seconds=settings.report_seconds)
        app.include_router(watched_routes(models))
    others = WholeFleet(share, settings.fleet_seconds) if share.others() else None
    app.include_router(page_routes(models, models, others))
    app.include_router(course_routes(models, models))
    app.include_router(report_routes(models, make))
    app.include_router(quality_routes(live))
    app.include_router(divergence_routes(writer, samples, replays))
    app.include_router(paired_quality_routes(writer))
    app.include_router(skew_routes(writer))
    app.include_router(window_routes(writer, reader))
    _add_health(app, writer, metrics)
    _add_errors(app)
    return app


def _ledger(settings: DriftMonitorSettings, replica: str) -> Ledger:
    database = open_database(settings.data, settings.max_bytes)
    labels = LabelStore(
        database, retention_seconds=settings.label_retention_seconds, max_waiting=settings.max_waiting_labels
    )
    bounds = LedgerBounds(
        window_rows=settings.window_rows, resources=settings.max_resources, versions=settings.max_versions
    )
    return Ledger(database, bounds, labels, replica, outbox_of(settings, database))


def _lifespan(
    writer: Writer,
    samples: Samples,
    rounds: tuple[QualityRounds, CourseRounds, Forwarding],
    share: ReplicaShare,
    senders: tuple[ReplayRounds, PassingOn],
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        writer.start()
        if moved := await writer.do(lambda ledger: ledger.give_up(share.holds)):
            _log.info("other replicas hold these now", extra={"count": len(moved), "first": moved[:10]})
        for (namespace, name), wish in (await writer.do(lambda ledger: ledger.wishes())).items():
            samples.want(namespace, name, wish)
            rounds[0].labels_came(namespace, name)
        tasks = [asyncio.create_task(each.run(), name=type(each).__name__) for each in rounds]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await samples.close()
        for each in senders:
            await each.close()
        # Batches that wait are written and answered; what was not is sent again.
        await asyncio.to_thread(writer.stop)

    return lifespan


def _noting(writer: Writer) -> Callable[[QualityReport], Awaitable[None]]:
    async def note(report: QualityReport) -> None:
        now = time.time()
        await writer.do(lambda ledger: ledger.note_quality(report, now))

    return note


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
        headers = RETRY_AFTER if isinstance(error, (NoRoom, ReplicaAway)) else None
        return JSONResponse(ErrorResponse(error=str(error)).model_dump(), status_code=error.status, headers=headers)

    @app.exception_handler(HTTPException)
    async def told(_: Request, error: HTTPException) -> JSONResponse:
        body = ErrorResponse(error=str(error.detail))
        return JSONResponse(body.model_dump(), status_code=error.status_code, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()[:20])
        return JSONResponse(ErrorResponse(error=problems).model_dump(), status_code=400)
