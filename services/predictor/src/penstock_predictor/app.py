"""The HTTP API as FastAPI describes it: every route over one runtime."""

import functools
import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from penstock_contracts.build import VERSION
from penstock_predictor.errors import RequestError
from penstock_predictor.http import openapi
from penstock_predictor.http.dispatcher import Dispatcher
from penstock_predictor.http.middleware import HeadAndOptions
from penstock_predictor.http.page import page_routes
from penstock_predictor.http.reply import Reply, refusal
from penstock_predictor.http.routes import health_routes, metrics_routes, predict_routes, response_of, v2_routes
from penstock_predictor.tensors.answers import to_json

_log = logging.getLogger(__name__)


def create_app(dispatcher: Dispatcher) -> FastAPI:
    """Build the application."""
    runtime = dispatcher.runtime
    app = FastAPI(
        title="Penstock predictor",
        version=VERSION,
        description="One ONNX model version by the Open Inference Protocol V2 and by named features.",
        docs_url=None,  # these pages load scripts from another host
        redoc_url=None,
    )
    app.add_middleware(HeadAndOptions)
    _add_error_handlers(app)
    for router in (
        health_routes(runtime),
        v2_routes(dispatcher),
        predict_routes(dispatcher),
        metrics_routes(runtime),
        page_routes(runtime),
    ):
        app.include_router(router)
    app.openapi = functools.cache(lambda: openapi.describe(app))  # type: ignore[method-assign]  # FastAPI's documented way
    return app


def _add_error_handlers(app: FastAPI) -> None:
    """Every refusal has the one JSON form of the protocol."""

    @app.exception_handler(RequestError)
    async def answer_refusal(_: Request, error: RequestError) -> Response:
        if error.status == 500:  # noqa: PLR2004 - the model's fault, not the caller's: someone should look
            _log.error("inference failed", extra={"error": str(error)})
        return response_of(refusal(error))

    @app.exception_handler(HTTPException)
    async def answer_unmatched(request: Request, error: HTTPException) -> Response:
        return _refusal_response(
            error.status_code, f"{request.method} {request.url.path}: {error.detail}", error.headers
        )

    @app.exception_handler(Exception)
    async def answer_unforeseen(_: Request, error: Exception) -> Response:
        return _refusal_response(500, f"internal error: {type(error).__name__}: see the log of this pod")


def _refusal_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    extra = tuple((name.lower().encode(), value.encode()) for name, value in (headers or {}).items())
    return response_of(Reply(to_json({"error": message}), status=status, extra=extra))
