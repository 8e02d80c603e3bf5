"""What counts as drift of live data, and what is known of it: `spec.drift` and `status.drift`."""

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from penstock_contracts.api.logger import Columns
from penstock_contracts.api.schema import ApiModel, StatusModel, cel, duration_field

MOST_COLUMNS = 20
"""Columns that a status names."""


class OnDrift(StrEnum):
    """What happens when the data set has drifted."""

    ALERT = "Alert"
    """Condition DriftDetected and an Event tell of it. What serves, and a rollout, go on."""
    RETRAIN = "Retrain"
    """The same, and a Job trains a new version, which goes the way of every other: `spec.retrain`."""


class Drift(ApiModel):
    """Live data against the reference sample that was logged with the version."""

    # The API server compares a whole number with a bound that it cuts to a whole one: 0 passes a minimum of 0.001.
    model_config = ConfigDict(
        json_schema_extra=cel(
            ("self.margin >= 0.001", "margin is from 0.001 to 0.9"), ("self.share >= 0.01", "share is from 0.01 to 1")
        )
    )

    period: Annotated[str, duration_field("0s", "720h")] = "24h"
    """Columns are judged by whole periods, so that a daily wave is no drift. 0s: whenever rows have come."""
    margin: Annotated[float, Field(ge=0.001, le=0.9)] = 0.05
    """Total variation distance from the reference sample that does not matter."""
    key_columns: Columns = ()
    """Columns of which each, when it drifts, is drift of the data set. The prediction always is one."""
    share: Annotated[float, Field(ge=0.01, le=1)] = 0.5
    """Share of the columns that must drift for the data set to drift."""
    interval: Annotated[str, duration_field("1s", "1h")] = "60s"
    """How often the drift monitor is asked."""
    on_drift: OnDrift = OnDrift.ALERT
    """Alert: condition DriftDetected and an Event tell of it. Retrain: spec.retrain's Job trains a new version, too."""


class DriftStatus(StatusModel):
    """What the drift monitor said last. It stays while the monitor is away."""

    # No enums in the CRD: a newer monitor may say other words.
    verdict: Annotated[str, Field(max_length=32)]
    """Of the data set: Drift, NoDrift, Inconclusive (too little is known) or Error (nothing to compare with)."""
    reason: Annotated[str, Field(max_length=64)]
    """Why, in one word; condition, Event and log line carry the same word."""
    columns: Annotated[tuple[Annotated[str, Field(max_length=256)], ...], Field(max_length=MOST_COLUMNS)] = ()
    """Columns that drift, those that began first before others."""
    since: str
    """Since when the reason is this one (RFC 3339)."""
    report_url: str | None = None
    """Where the monitor shows its report inside the cluster."""
