"""Where predictor pods look columns up that a row lacks: `spec.predictor.features`."""

from enum import StrEnum
from typing import Annotated

from penstock_contracts.api.schema import ApiModel, Name, duration_field


class OnUnavailable(StrEnum):
    """What happens where the feature store gives nothing."""

    DEFAULT = "Default"
    """Each column's default stands in; a column that has none refuses the request (503)."""
    REJECT = "Reject"
    """The request is refused (503)."""


class FeatureOptions(ApiModel):
    """A feature store for columns that a row lacks. The version's features.json says which, and by which keys."""

    connection: Name = "default"
    """Name of a feature store; the administrator defines them in the chart's `featureStores`."""
    timeout: Annotated[str, duration_field("1ms", "1s")] = "20ms"
    """How long a request waits for it."""
    on_unavailable: OnUnavailable = OnUnavailable.DEFAULT
    """What happens where it gives nothing in that time. Default: each column's default stands in, as the version says;
    Reject: the request is refused (503)."""
