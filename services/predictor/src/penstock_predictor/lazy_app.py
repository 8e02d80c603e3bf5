"""The ASGI application that uvicorn runs. FastAPI stands behind it, and is loaded for who asks what only it answers.

Inference passes it by, and so do probes and scrapes, which is all that most pods are ever asked. FastAPI takes 8 MiB
and a third of a second; whoever first asks for more (metadata, the page, a chunked or compressed body) has it loaded,
in a thread, while the rest goes on.
"""

import asyncio
import contextlib
import functools
import logging
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock_predictor.errors import StartError
from penstock_predictor.http.dispatcher import Dispatcher
from penstock_predictor.http.health import Probes
from penstock_predictor.http.middleware import RequestTelemetry
from penstock_predictor.http.reply import send_reply
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.model.loading import Loaded, ModelSource, load_model
from penstock_predictor.serving.runtime import Runtime
from penstock_predictor.settings import PredictorSettings
from penstock_predictor.tracing.span_sender import SpanSender, is_on

if TYPE_CHECKING:
    from fastapi import FastAPI

    from penstock_predictor.features.lookups import FeatureLookups
    from penstock_predictor.records.prediction_records import PredictionRecords

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Scope]]
_Send = Callable[[_Scope], Awaitable[None]]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Route:
    path: str


class LazyApp:
    """One process's application."""

    def __init__(
        self,
        settings: PredictorSettings,
        *,
        metrics: PredictorMetrics,
        lifecycle: Lifecycle,
        on_fatal: Callable[[StartError], None],
        loaded: Loaded | None = None,
    ) -> None:
        """Its lifespan starts to load the model, unless one is `loaded`.

        `on_fatal` is told when it cannot be served.
        """
        self.runtime = Runtime(settings, lifecycle, metrics)
        self._traces = SpanSender(settings, metrics) if is_on(os.environ) else None
        self.runtime.tracer = self._traces.tracer if self._traces else None
        self.dispatcher = Dispatcher(self.runtime)
        self._on_fatal = on_fatal
        self._loaded = loaded
        self._probes = Probes(self.runtime)
        self._counted = RequestTelemetry(self._answer, self.runtime)
        self._recording: PredictionRecords | None = None
        self._lookups: FeatureLookups | None = None
        self._building: asyncio.Task[FastAPI] | None = None

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Answer a request, or live as long as the server does."""
        if scope["type"] != "lifespan":
            await self._counted(scope, receive, send)
            return
        await receive()
        async with self.lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    @contextlib.asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Between the start and the end of the server."""
        if self._traces:
            self._traces.start()
        if self._loaded is None:
            self._start_loading()
        else:
            self._serve(self._loaded)
        async with _grpc(self.runtime, self._on_fatal):
            yield
        if self._lookups:
            self._lookups.close()
        self.runtime.close()
        senders = [sender for sender in (self._recording, self._traces) if sender]
        await asyncio.gather(*(asyncio.to_thread(sender.close) for sender in senders))

    def _serve(self, loaded: Loaded) -> None:
        """Serve a model that was loaded before."""
        try:
            recording = _recording(self.runtime, loaded)
        except StartError as error:
            self._fail(error)
        else:
            self._become_ready(loaded, recording)

    def _become_ready(self, loaded: Loaded, recording: "PredictionRecords | None") -> None:
        self._recording = recording
        if recording:
            recording.start()
        self._lookups = _lookups(self.runtime, loaded)
        if self._lookups:
            self._lookups.start()
        self.runtime.become_ready(loaded, recording.recorder if recording else None)
        self.dispatcher.serve_model(self._lookups)

    def _fail(self, error: StartError) -> None:
        self.runtime.fail(error)
        self._on_fatal(error)

    def _start_loading(self) -> None:
        """Load in a daemon thread: a load that hangs must not hold up the end of the process."""
        loop = asyncio.get_running_loop()
        runtime = self.runtime
        source = ModelSource.of(runtime.settings)

        def tell(call: Callable[[], None]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the process ended while the model loaded
                loop.call_soon_threadsafe(call)

        def load() -> None:
            try:
                loaded = load_model(source, report=lambda step: tell(lambda: runtime.lifecycle.report_step(step)))
                recording = _recording(runtime, loaded)
            except StartError as error:
                tell(functools.partial(self._fail, error))
            except Exception as error:  # noqa: BLE001 - the thread's outermost frame: nothing else would ever report it
                _log.exception("loading failed in a way nobody foresaw")
                refusal = StartError(f"loading {source.folder}: {type(error).__name__}: {error}")
                tell(functools.partial(self._fail, refusal))
            else:
                tell(functools.partial(self._become_ready, loaded, recording))

        threading.Thread(target=load, name="load", daemon=True).start()

    async def _answer(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        reply = None
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):  # the server leaves HEAD's body out
            accept = dict(scope["headers"]).get(b"accept", b"").decode("latin-1")
            reply = self._probes.answer(scope["path"], accept)
        if reply is None:
            await (await self._application())(scope, receive, send)
        else:
            scope["route"] = _Route(scope["path"])
            await send_reply(reply, send)

    async def _application(self) -> "FastAPI":
        if self._building is None:
            self._building = asyncio.create_task(asyncio.to_thread(_build, self.dispatcher))
        return await asyncio.shield(self._building)


def _build(dispatcher: Dispatcher) -> "FastAPI":
    from penstock_predictor.app import create_app  # noqa: PLC0415 - what this module is about

    return create_app(dispatcher)


@contextlib.asynccontextmanager
async def _grpc(runtime: Runtime, on_fatal: Callable[[StartError], None]) -> AsyncIterator[None]:
    """V2 over gRPC beside HTTP. It ends when and as HTTP does: what is in flight is answered."""
    if not runtime.settings.grpc_port:
        yield
        return
    from penstock_predictor.rpc.server import GrpcServer  # noqa: PLC0415 - 13 MiB, for those who have it on

    server = GrpcServer(runtime)
    try:
        await server.start()
    except StartError as error:
        on_fatal(error)
        yield
        return
    drained = asyncio.create_task(server.stop_when_drained())
    try:
        yield
    finally:
        await server.stop()
        drained.cancel()


def _lookups(runtime: Runtime, loaded: Loaded) -> "FeatureLookups | None":
    """What looks columns up, where the version has such columns and there is a server to ask."""
    card, settings = loaded.card, runtime.settings
    if not settings.features_url or card is None or card.features is None or card.columns is None:
        return None
    from penstock_predictor.features.lookups import FeatureLookups  # noqa: PLC0415 - most predictors need none of it

    return FeatureLookups.of(card.features, card.columns, settings, runtime.metrics)


def _recording(runtime: Runtime, loaded: Loaded) -> "PredictionRecords | None":
    """What records, where there is a monitor to send to. Raises a StartError."""
    if not runtime.settings.records_url:
        return None
    from penstock_predictor.records.prediction_records import PredictionRecords  # noqa: PLC0415 - most predictors need none of it

    return PredictionRecords(runtime.settings, loaded, runtime.metrics)
