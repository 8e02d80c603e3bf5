"""What the resource's types are made of."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from penstock_contracts.api import duration


def cel(*rules: tuple[str, str]) -> dict[str, Any]:
    """Cross-field rules for the API server: pairs of a CEL expression and what it says when it is false."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in rules]}


def list_by(*keys: str) -> dict[str, Any]:
    """A list whose items have these fields as their name: none twice, and owned item by item in server-side apply."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


def duration_field(low: str, high: str) -> Any:
    """A duration string between two others."""
    bounds = (
        f"duration(self) >= duration('{low}') && duration(self) <= duration('{high}')",
        f"must be from {low} to {high}",
    )
    return Field(max_length=16, pattern=duration.PATTERN, json_schema_extra=cel(bounds))


class ApiModel(BaseModel):
    """A part of the resource: camelCase in the API, snake_case here."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        use_attribute_docstrings=True,
    )


class StatusModel(ApiModel):
    """A part of the status: an older controller reads what a newer one wrote, so unknown fields are let pass."""

    model_config = ConfigDict(extra="ignore")


Name = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
LongName = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$")]
"""Of an object whose name may have dots."""
LONGEST_URL = 2048
"""Characters."""
WebAddress = Annotated[str, Field(max_length=LONGEST_URL, pattern=r"^https?://[^/@\s?#]+(/[^@\s#]*)?$")]
"""Without credentials: these belong into a Secret."""
# A structural schema has one type for a field, and a whole number is a number.
Number = Annotated[int | float, WithJsonSchema({"type": "number"})]
LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?$")]
Quantity = Annotated[
    str | int,
    Field(
        json_schema_extra={
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE](\+|-)?[0-9]+)?$",
            "maxLength": 32,
        }
    ),
]
ResourceList = Annotated[dict[str, Quantity], Field(max_length=8)]
