"""The API's description. Bodies are read by our own limits and codec, so their schemas are added by hand."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from penstock_contracts.inference import ErrorResponse, InferRequest, PredictManyRequest, PredictOneRequest
from penstock_contracts.names import HEADER_DIGEST, HEADER_REQUEST_ID
from penstock_predictor.tensors.binary_tensors import HEADER as BINARY_HEADER

Description = dict[str, Any]
"""A part of the document."""
Responses = dict[int | str, Description]

_SCHEMAS = "#/components/schemas/"
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_MEANINGS = {
    400: "The request is malformed",
    404: "Another model or version",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "A content type or encoding that is not read",
    422: "Well-formed, but it does not fit the model: the message names the tensor or column",
    429: "Too much is in flight, or it would take too long: see Retry-After",
    431: "Request line and headers are too large",
    500: "The model failed on this input",
    503: "The model is not ready",
    504: "The request's time limit passed",
}
_AGAIN = {429, 503}
"""Worth another try, later or at another pod."""


def _header(name: str, kind: str, about: str) -> Description:
    return {name: {"schema": {"type": kind}, "description": about}}


_JSON_BYTES = "Bytes of the JSON at the head of a body with binary tensors; absent where all tensors are JSON."
_ON_EVERY = _header(HEADER_DIGEST, "string", "Digest of the model; absent while there is none.") | _header(
    HEADER_REQUEST_ID, "string", "The request's own, where it had one."
)
_RETRY = _header("retry-after", "integer", "Seconds.")
_JSON_LENGTH = _header(BINARY_HEADER.decode(), "integer", _JSON_BYTES)


def refusals(*codes: int) -> Responses:
    """Describe refusals, by their codes: all have one form."""
    return {
        code: {
            "model": ErrorResponse,
            "description": _MEANINGS[code],
            "headers": _ON_EVERY | (_RETRY if code in _AGAIN else {}),
        }
        for code in codes
    }


def inference(answer: Any, *, schemas: tuple[type[BaseModel], ...], binary: bool) -> dict[str, Any]:
    """A route's description for its decorator: it answers `answer`; its JSON body is one of `schemas`."""
    codes = set(_MEANINGS) if binary else set(_MEANINGS) - {404}
    good: Description = {"model": answer, "headers": _ON_EVERY | (_JSON_LENGTH if binary else {})}
    references = [{"$ref": _SCHEMAS + schema.__name__} for schema in schemas]
    content = {"application/json": {"schema": references[0] if len(references) == 1 else {"anyOf": references}}}
    return {
        "responses": {200: good | ({"content": _BYTES} if binary else {}), **refusals(*sorted(codes))},
        "openapi_extra": {
            "requestBody": {"required": True, "content": content | (_BYTES if binary else {})},
            "parameters": _parameters(binary=binary),
        },
    }


def _parameters(*, binary: bool) -> list[Description]:
    parameters = [
        _parameter(
            "x-request-timeout-ms", {"type": "integer", "minimum": 1}, "The caller's time limit; ours is the most."
        ),
        _parameter(HEADER_REQUEST_ID, {"type": "string"}, "Comes back with the answer."),
    ]
    if binary:
        parameters.append(_parameter(BINARY_HEADER.decode(), {"type": "integer", "minimum": 0}, _JSON_BYTES))
    return parameters


def _parameter(name: str, schema: Description, about: str) -> Description:
    return {"name": name, "in": "header", "schema": schema, "description": about}


def describe(app: FastAPI) -> dict[str, Any]:
    """The routes' description together with the bodies' schemas."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    _, bodies = models_json_schema(
        [(model, "validation") for model in (InferRequest, PredictOneRequest, PredictManyRequest)],
        ref_template=_SCHEMAS + "{model}",
    )
    schemas = document["components"]["schemas"]
    schemas.update(bodies["$defs"])
    for path in document["paths"].values():
        for operation in path.values():
            _drop_validation(operation["responses"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def _drop_validation(responses: Description) -> None:
    """FastAPI's own refusal, which it adds for every path with a parameter: ours are words, and always fit."""
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
