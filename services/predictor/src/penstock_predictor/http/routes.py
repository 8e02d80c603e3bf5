"""The routes as FastAPI describes them: paths and status codes. What is computed lies below."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from penstock_contracts.build import VERSION
from penstock_contracts.inference import (
    InferRequest,
    InferResponse,
    PredictManyRequest,
    PredictManyResponse,
    PredictOneRequest,
    PredictOneResponse,
)
from penstock_contracts.model_card import TensorSpec
from penstock_predictor.http.body import read_body
from penstock_predictor.http.dispatcher import Dispatcher
from penstock_predictor.http.exchange import AsgiExchange, Route, requested_timeout
from penstock_predictor.http.health import LIVE, METRICS, READY, Probes
from penstock_predictor.http.middleware import TRACE
from penstock_predictor.http.openapi import inference, refusals
from penstock_predictor.http.reply import Reply
from penstock_predictor.serving.runtime import Runtime

_MODEL = "/v2/models/{name}"
_VERSION = "/v2/models/{name}/versions/{version}"
_PLATFORM = "onnxruntime_onnx"
_METRICS_FORMATS: dict[str, dict[str, object]] = {"text/plain": {}, "application/openmetrics-text": {}}


def response_of(reply: Reply) -> Response:
    """The reply as Starlette sends it, with its headers in our order."""
    response = Response(reply.body, status_code=reply.status)
    response.raw_headers = reply.headers()
    return response


async def answer(dispatcher: Dispatcher, route: Route, request: Request) -> Response:
    """Read the body and compute its answer, all of it within the limits. Raises a RequestError."""
    headers = dict(request.scope["headers"])
    exchange = AsgiExchange(headers, dispatcher.deadline(requested_timeout(headers)))
    exchange.trace = request.scope.get(TRACE)
    runtime = dispatcher.runtime
    runtime.enter(0)
    try:
        exchange.body = await read_body(request.receive, exchange, runtime)
    except BaseException:
        runtime.admission.leave(exchange.size)
        raise
    dispatcher.dispatch(route, exchange)
    return response_of(await exchange.reply())


def v2_routes(dispatcher: Dispatcher) -> APIRouter:
    """The Open Inference Protocol V2: metadata, readiness and inference of the one model, with and without its version
    in the path.
    """
    router = APIRouter(tags=["v2"])
    runtime = dispatcher.runtime

    @router.get("/v2")
    async def server() -> dict[str, Any]:
        """What this server is, and which of the protocol's extensions it has."""
        return {"name": "penstock-predictor", "version": VERSION, "extensions": ["binary_tensor_data"]}

    @router.get(_MODEL, responses=refusals(404, 503))
    @router.get(_VERSION, responses=refusals(404, 503))
    async def metadata(name: str, version: str | None = None) -> dict[str, Any]:
        """The model's inputs and outputs."""
        runtime.check_name(name, version)
        model = runtime.serving().model
        return {
            "name": model.identity.name,
            "versions": [model.identity.version],
            "platform": _PLATFORM,
            "inputs": [_tensor(spec) for spec in model.inputs],
            "outputs": [_tensor(spec) for spec in model.outputs],
        }

    @router.get(_MODEL + "/ready", responses=refusals(404, 503))
    @router.get(_VERSION + "/ready", responses=refusals(404, 503))
    async def model_ready(name: str, version: str | None = None) -> JSONResponse:
        """As /v2/health/ready: one pod has one model."""
        runtime.check_name(name, version)
        ready = runtime.lifecycle.ready
        body: dict[str, Any] = {"name": name, "ready": ready}
        if not ready:
            body["error"] = runtime.lifecycle.state.reason
        return JSONResponse(body, status_code=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE)

    documented = inference(InferResponse, schemas=(InferRequest,), binary=True)

    @router.post(_MODEL + "/infer", response_class=Response, **documented)
    @router.post(_VERSION + "/infer", response_class=Response, **documented)
    async def infer(request: Request, name: str, version: str | None = None) -> Response:
        """Tensors in, tensors out."""
        runtime.check_name(name, version)
        return await answer(dispatcher, dispatcher.infer(), request)

    return router


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def predict_routes(dispatcher: Dispatcher) -> APIRouter:
    """The plain route: by the names of the model's signature, or by position."""
    router = APIRouter(tags=["predict"])

    @router.post(
        "/predict",
        response_class=Response,
        **inference(
            PredictOneResponse | PredictManyResponse,
            schemas=(PredictOneRequest, PredictManyRequest),
            binary=False,
        ),
    )
    async def predict(request: Request) -> Response:
        """Rows of features to predictions."""
        return await answer(dispatcher, dispatcher.predict(), request)

    return router


def health_routes(runtime: Runtime) -> APIRouter:
    """Probes, and the state that a person reads."""
    router = APIRouter(tags=["health"])
    probes = Probes(runtime)

    @router.get(LIVE, response_model=dict[str, bool])
    async def live() -> Response:
        """The process answers; true while it loads, too."""
        return response_of(probes.live())

    @router.get(READY, responses=refusals(503))
    async def ready() -> Response:
        """200 once the golden request was answered right and until the pod drains; else 503 with the reason."""
        return response_of(probes.ready())

    @router.get("/health", responses=refusals(503))
    async def health() -> Response:
        """The state in words, with what was loaded; 200 exactly when ready."""
        settings, model = runtime.settings, runtime.model
        return response_of(
            probes.readiness(
                {
                    "state": runtime.lifecycle.state.stage,
                    "model_name": settings.model_name,
                    "version": settings.model_version,
                    "digest": model.identity.digest if model else None,
                }
            )
        )

    return router


def metrics_routes(runtime: Runtime) -> APIRouter:
    """The registry that the application was given, in the format that the scraper asks for."""
    router = APIRouter(tags=["metrics"])
    probes = Probes(runtime)

    @router.get(METRICS, responses={200: {"content": _METRICS_FORMATS}}, response_class=Response)
    async def scrape(request: Request) -> Response:
        """Every series; names and meanings are in the contracts."""
        return response_of(probes.metrics(request.headers.get("accept", "")))

    return router
