"""Open Inference Protocol V2 over HTTP."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import TensorSpec
from penstock_predictor import VERSION
from penstock_predictor.http.asgi_exchange import answer
from penstock_predictor.http.intake import Intake
from penstock_predictor.http.openapi import inference, refusals

_MODEL = "/v2/models/{name}"
_VERSION = "/v2/models/{name}/versions/{version}"
_PLATFORM = "onnxruntime_onnx"


def v2_routes(intake: Intake) -> APIRouter:
    """Metadata, readiness and inference of the one model, with and without its version in the path."""
    router = APIRouter(tags=["v2"])
    runtime = intake.runtime

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
        return await answer(intake, intake.infer(), request)

    return router


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}
