"""Which of a model's columns are looked up in a feature store: what a version's `features.json` says."""

from enum import StrEnum
from typing import Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from penstock_contracts.base import ResourceContract

MOST_COLUMNS = 500
MOST_ENTITIES = 16


class OnMissing(StrEnum):
    """What stands for a value that the store does not have, or that is too old."""

    DEFAULT = "default"
    """The column's default."""
    NULL = "null"
    """No value, which a number in a float tensor can be."""
    REJECT = "reject"
    """The request is refused."""


class FeatureColumn(ResourceContract):
    """Where one column's values come from."""

    feature: str = Field(max_length=512, pattern=r"^[^:\s]+:[^:\s]+$")
    """View and feature as Feast refers to them, `user_features:account_age_days`."""
    on_missing: OnMissing = OnMissing.REJECT
    """What stands for a value that is not there."""
    default: StrictBool | StrictInt | StrictFloat | StrictStr | None = None
    """What training used where the feature was missing. Needed for onMissing: default."""
    max_age: str | None = Field(default=None, max_length=16)
    """A value whose event time lies further back is not used: a duration such as `26h`. None: however old."""


class FeatureLookup(ResourceContract):
    """What a version says of its features. Written in JSON in camelCase: the file that users log with a model."""

    service: str | None = Field(default=None, min_length=1, max_length=256)
    """The feature service that is asked; None: the columns' features are asked for by their references."""
    entities: dict[str, Literal["string", "integer"]] = Field(min_length=1, max_length=MOST_ENTITIES)
    """Join keys that a row gives, with the type of their values in JSON."""
    columns: dict[str, FeatureColumn] = Field(min_length=1, max_length=MOST_COLUMNS)
    """By the name of the column in the model's signature."""
