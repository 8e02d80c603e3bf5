"""The API's description. Bodies are read by our own limits and codec, so their schemas are added by hand."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from penstock_contracts.inference import ErrorResponse, InferRequest, PredictRequest

_SCHEMAS = "#/components/schemas/"

REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorResponse, "description": meaning}
    for code, meaning in (
        (400, "The request is malformed or does not fit the model"),
        (404, "Another model or version"),
        (408, "The body did not arrive in time"),
        (413, "The body is too large"),
        (429, "Too much is in flight; see Retry-After"),
        (500, "The model failed on this input"),
        (503, "The model is not ready"),
        (504, "The time limit passed"),
    )
}


def request_body(schema: str) -> dict[str, Any]:
    """Describe a route's JSON body by the name of a contract."""
    content = {"application/json": {"schema": {"$ref": _SCHEMAS + schema}}}
    return {"requestBody": {"required": True, "content": content}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The routes' description together with the bodies' schemas."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    _, bodies = models_json_schema(
        [(InferRequest, "validation"), (PredictRequest, "validation")], ref_template=_SCHEMAS + "{model}"
    )
    document["components"]["schemas"].update(bodies["$defs"])
    return document
