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


Row = dict[str, Any] | list[Any]
"""Features by the names of the model's signature, or their values in the order of its columns."""


class PredictOneRequest(Contract):
    """`POST /predict` for one row. The row by itself, without `features` around it, is read too."""

    features: Row


class PredictManyRequest(Contract):
    """`POST /predict` for several rows."""

    instances: list[Row] = Field(min_length=1)


class Prediction(Contract):
    """What the model says of one row."""

    prediction: Any
    """A classifier's label, a regressor's value; an object of all outputs by name where a model has others."""
    probability: Any = None
    """A classifier's: one number a class, in the model's order. Absent where the model has none."""
    scores: Any = None
    """What stands beside a label and is no probability, as the model gives it: distances, votes. Absent otherwise."""


class PredictOneResponse(Prediction):
    """The answer for one row."""

    model_name: str
    model_version: str
    digest: str


class PredictManyResponse(Contract):
    """The answer for several rows, in their order."""

    predictions: list[Prediction]
    model_name: str
    model_version: str
    digest: str


class ErrorResponse(Contract):
    """Every refusal, on every route."""

    error: str
    """What failed, where, and what to do."""
