"""What predictor pods record of what they compute: `spec.predictor.logger`."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from penstock_contracts.api.schema import ApiModel, cel

ColumnName = Annotated[
    str,
    # Pods are told names by a list with commas.
    Field(min_length=1, max_length=128, pattern=r"^[^,\x00-\x20\x7f]([^,\x00-\x1f\x7f]*[^,\x00-\x20\x7f])?$"),
]
Columns = Annotated[tuple[ColumnName, ...], Field(max_length=200, json_schema_extra={"x-kubernetes-list-type": "set"})]


class LoggerMode(StrEnum):
    """Which predictions are recorded."""

    NONE = "none"
    """None."""
    ALL = "all"
    """Inputs and outputs of those that are sampled."""


class Logger(ApiModel):
    """Prediction records, which go to the drift monitor."""

    model_config = ConfigDict(
        json_schema_extra=cel(
            (
                "!has(self.exclude) || !has(self.hash) || self.exclude.all(column, !(column in self.hash))",
                "a column is in exclude or in hash: what is excluded is not sent in any form",
            )
        )
    )

    mode: LoggerMode = LoggerMode.NONE
    """none, or all: inputs and outputs go to the drift monitor, where one is installed."""
    sample_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of the requests that are recorded. Which they are is decided by request id, so alike in all versions."""
    exclude: Columns = ()
    """Columns that never leave the pod."""
    hash: Columns = ()
    """Columns of which a hash leaves the pod in place of the value."""
