"""The API's description. Bodies are read by our own limits and codec, so their schemas are added by hand."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from penstock_contracts.inference import ErrorResponse, InferRequest, PredictManyRequest, PredictOneRequest

_SCHEMAS = "#/components/schemas/"

REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorResponse, "description": meaning}
    for code, meaning in (
        (400, "The request is malformed"),
        (404, "Another model or version"),
        (408, "The body did not arrive in time"),
        (413, "The body is too large"),
        (415, "A content type or encoding that is not read"),
        (422, "Well-formed, but it does not fit the model: the message names the tensor or column"),
        (429, "Too much is in flight; see Retry-After"),
        (500, "The model failed on this input"),
        (503, "The model is not ready"),
        (504, "The request's time limit passed"),
    )
}


def request_body(*schemas: str) -> dict[str, Any]:
    """Describe a route's JSON body by the names of contracts: it is one of them."""
    references = [{"$ref": _SCHEMAS + schema} for schema in schemas]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def infer_body() -> dict[str, Any]:
    """Describe the body of a V2 request: JSON, or JSON with the tensors' bytes behind it."""
    body = request_body("InferRequest")
    body["requestBody"]["content"]["application/octet-stream"] = {"schema": {"type": "string", "format": "binary"}}
    length = {"name": "Inference-Header-Content-Length", "in": "header", "schema": {"type": "integer", "minimum": 0}}
    about = "Bytes of the JSON at the head of a body with binary tensors; leave it out where all tensors are JSON."
    return body | {"parameters": [length | {"description": about}]}


def describe(app: FastAPI) -> dict[str, Any]:
    """The routes' description together with the bodies' schemas."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    _, bodies = models_json_schema(
        [(model, "validation") for model in (InferRequest, PredictOneRequest, PredictManyRequest)],
        ref_template=_SCHEMAS + "{model}",
    )
    document["components"]["schemas"].update(bodies["$defs"])
    return document
