"""Open Inference Protocol V2 in its JSON form, and the plain predict route.

Source: https://github.com/kserve/open-inference-protocol
"""

from typing import Any

from pydantic import Field

from penstock_contracts.base import Contract


class RequestInput(Contract):
    """An input tensor."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: list[Any] = Field(default_factory=list)
    """Row-major, flat or nested."""


class RequestOutput(Contract):
    """An output that the caller asks for."""

    name: str
    parameters: dict[str, Any] | None = None


class InferRequest(Contract):
    """`POST /v2/models/{name}/infer`."""

    id: str | None = None
    parameters: dict[str, Any] | None = None
    inputs: tuple[RequestInput, ...]
    outputs: tuple[RequestOutput, ...] | None = None


class ResponseOutput(Contract):
    """An output tensor."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    parameters: dict[str, Any] | None = None
    data: list[Any]
    """Row-major, flat."""


class InferResponse(Contract):
    """The answer to an InferRequest."""

    model_name: str
    model_version: str | None = None
    id: str | None = None
    parameters: dict[str, Any] | None = None
    """Penstock answers `digest` here."""
    outputs: tuple[ResponseOutput, ...]


class PredictRequest(Contract):
    """`POST /predict`: named features, one object a row."""

    instances: list[dict[str, Any]] = Field(min_length=1)


class PredictResponse(Contract):
    """The answer to a PredictRequest."""

    predictions: list[dict[str, Any]]
    """One object a row: output name to its value (a scalar, or a list where the output has more dimensions)."""
    model_name: str
    model_version: str
    digest: str


class ErrorResponse(Contract):
    """Every refusal, on every route."""

    error: str
    """What failed, where, and what to do."""
