"""Named features in, one object a row out."""

from fastapi import APIRouter, Request, Response

from penstock_contracts.inference import PredictResponse
from penstock_predictor.inference import Model
from penstock_predictor.openapi import REFUSALS, request_body
from penstock_predictor.predictions import encode_predictions, parse_instances
from penstock_predictor.runtime import Runtime


def predict_routes(runtime: Runtime) -> APIRouter:
    """The plain route, for a model whose signature names its columns."""
    router = APIRouter(tags=["predict"])

    @router.post(
        "/predict",
        responses={200: {"model": PredictResponse}, **REFUSALS},
        openapi_extra=request_body("PredictRequest"),
        response_class=Response,
    )
    async def predict(request: Request) -> Response:
        """Rows of named features to rows of named outputs."""
        return await runtime.answer(request, predict_json)

    return router


def predict_json(model: Model, body: bytes) -> bytes:
    """Answer one request's bytes, in a worker thread. Raises a RequestError."""
    instances = parse_instances(body)
    return encode_predictions(model.identity, len(instances), model.infer(model.columns.feeds(instances)))
