"""The HTTP application: routes over one runtime, and a model that loads while the server is already live."""

import asyncio
import contextlib
import functools
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from penstock_predictor import VERSION
from penstock_predictor.errors import RequestError, StartError
from penstock_predictor.http import openapi
from penstock_predictor.http.asgi_exchange import as_response
from penstock_predictor.http.intake import Intake
from penstock_predictor.http.methods import Methods
from penstock_predictor.http.reply import Reply, refusal
from penstock_predictor.http.routes.health import health_routes
from penstock_predictor.http.routes.metrics import metrics_routes
from penstock_predictor.http.routes.page import page_routes
from penstock_predictor.http.routes.predict import predict_routes
from penstock_predictor.http.routes.v2 import v2_routes
from penstock_predictor.http.telemetry import Telemetry
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.metrics import Metrics
from penstock_predictor.model.loading import Loaded, ModelSource, load_model
from penstock_predictor.rpc.port import GrpcPort
from penstock_predictor.serving.runtime import Runtime
from penstock_predictor.settings import Settings
from penstock_predictor.tensors.answers import to_json

_log = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    *,
    metrics: Metrics,
    lifecycle: Lifecycle,
    on_fatal: Callable[[StartError], None],
    loaded: Loaded | None = None,
) -> FastAPI:
    """Build the application. Its lifespan starts to load the model, unless one is `loaded`; `on_fatal` is told when it
    cannot be served.
    """
    runtime = Runtime(settings, lifecycle, metrics)
    intake = Intake(runtime)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if loaded is None:
            _start_loading(intake, on_fatal)
        else:
            _became_ready(intake, loaded)
        async with _grpc(runtime, on_fatal):
            yield
        runtime.close()

    app = FastAPI(
        title="Penstock predictor",
        version=VERSION,
        description="One ONNX model version by the Open Inference Protocol V2 and by named features.",
        lifespan=lifespan,
        docs_url=None,  # these pages load scripts from another host
        redoc_url=None,
    )
    app.state.intake = intake
    app.add_middleware(Methods)
    app.add_middleware(Telemetry, runtime=runtime)
    _add_error_handlers(app)
    for router in (
        health_routes(runtime),
        v2_routes(intake),
        predict_routes(intake),
        metrics_routes(runtime.metrics),
        page_routes(runtime),
    ):
        app.include_router(router)
    app.openapi = functools.cache(lambda: openapi.describe(app))  # type: ignore[method-assign]  # FastAPI's documented way
    return app


@contextlib.asynccontextmanager
async def _grpc(runtime: Runtime, on_fatal: Callable[[StartError], None]) -> AsyncIterator[None]:
    """V2 over gRPC beside HTTP. It ends when and as HTTP does: what is in flight is answered."""
    settings = runtime.settings
    if not settings.grpc_port:
        yield
        return
    port = GrpcPort(runtime, on_fatal)
    try:
        await port.open()
    except StartError as error:
        on_fatal(error)
        yield
        return
    grace = settings.request_timeout_seconds
    drained = asyncio.create_task(port.stop_when_drained(runtime.lifecycle, grace))
    try:
        yield
    finally:
        await port.stop(grace)
        drained.cancel()


def _became_ready(intake: Intake, loaded: Loaded) -> None:
    intake.runtime.became_ready(loaded)
    intake.became_ready()


def _start_loading(intake: Intake, on_fatal: Callable[[StartError], None]) -> None:
    """Load in a daemon thread: a load that hangs must not hold up the end of the process."""
    loop = asyncio.get_running_loop()
    runtime = intake.runtime
    source = ModelSource.of(runtime.settings)

    def tell(call: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the process ended while the model loaded
            loop.call_soon_threadsafe(call)

    def fail(error: StartError) -> None:
        runtime.failed(error)
        on_fatal(error)

    def load() -> None:
        try:
            loaded = load_model(source, report=lambda step: tell(lambda: runtime.lifecycle.loading(step)))
        except StartError as error:
            tell(functools.partial(fail, error))
        except Exception as error:  # noqa: BLE001 - the thread's outermost frame: nothing else would ever report it
            _log.exception("loading failed in a way nobody foresaw")
            tell(functools.partial(fail, StartError(f"loading {source.folder}: {type(error).__name__}: {error}")))
        else:
            tell(functools.partial(_became_ready, intake, loaded))

    threading.Thread(target=load, name="load", daemon=True).start()


def _add_error_handlers(app: FastAPI) -> None:
    """Every refusal has the one JSON form of the protocol."""

    @app.exception_handler(RequestError)
    async def refused(_: Request, error: RequestError) -> Response:
        if error.status == 500:  # noqa: PLR2004 - the model's fault, not the caller's: someone should look
            _log.error("inference failed", extra={"error": str(error)})
        return as_response(refusal(error))

    @app.exception_handler(HTTPException)
    async def unmatched(request: Request, error: HTTPException) -> Response:
        return _refused(error.status_code, f"{request.method} {request.url.path}: {error.detail}", error.headers)

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, error: Exception) -> Response:
        return _refused(500, f"internal error: {type(error).__name__}: see the log of this pod")


def _refused(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    extra = tuple((name.lower().encode(), value.encode()) for name, value in (headers or {}).items())
    return as_response(Reply(to_json({"error": message}), status=status, extra=extra))
