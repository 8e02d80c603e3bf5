"""Named features in, predictions out."""

from fastapi import APIRouter, Request, Response

from penstock_contracts.inference import PredictManyResponse, PredictOneResponse
from penstock_predictor.http.asgi_exchange import answer
from penstock_predictor.http.intake import Intake
from penstock_predictor.http.openapi import REFUSALS, request_body


def predict_routes(intake: Intake) -> APIRouter:
    """The plain route: by the names of the model's signature, or by position."""
    router = APIRouter(tags=["predict"])

    @router.post(
        "/predict",
        responses={200: {"model": PredictOneResponse | PredictManyResponse}, **REFUSALS},
        openapi_extra=request_body("PredictOneRequest", "PredictManyRequest"),
        response_class=Response,
    )
    async def predict(request: Request) -> Response:
        """Rows of features to predictions."""
        return await answer(intake, intake.predict(), request)

    return router
