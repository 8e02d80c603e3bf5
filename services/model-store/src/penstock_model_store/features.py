"""A version's `features.json`, or why the version is refused for it."""

from collections.abc import Sequence

from penstock_contracts import feature_file
from penstock_contracts.features import FeatureLookup
from penstock_contracts.model_card import Column
from penstock_model_store.errors import BadFeatures


def lookup_of(text: bytes, columns: Sequence[Column] | None) -> FeatureLookup:
    """Read the file that a version came with. Raises BadFeatures naming the column, and what to write instead."""
    try:
        return feature_file.lookup_of(text, columns)
    except feature_file.UnusableLookup as error:
        raise BadFeatures(str(error)) from None
