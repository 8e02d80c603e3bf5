"""Named features in, predictions out."""

from fastapi import APIRouter, Request, Response

from penstock_contracts.inference import PredictManyRequest, PredictManyResponse, PredictOneRequest, PredictOneResponse
from penstock_predictor.http.asgi_exchange import answer
from penstock_predictor.http.intake import Intake
from penstock_predictor.http.openapi import inference


def predict_routes(intake: Intake) -> APIRouter:
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
        return await answer(intake, intake.predict(), request)

    return router
