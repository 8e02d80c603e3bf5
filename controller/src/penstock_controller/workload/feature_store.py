"""How a predictor pod is told where to look columns up. Built without I/O."""

from collections.abc import Mapping
from typing import Any

from penstock_contracts.api import duration
from penstock_contracts.api.features import FeatureOptions
from penstock_controller.settings import FeatureStoreSettings

Variable = dict[str, Any]


def looked_up_at(options: FeatureOptions | None, stores: Mapping[str, FeatureStoreSettings]) -> tuple[Variable, ...]:
    """The environment of the container that computes; empty: nothing is looked up.

    `stores`: feature stores by name.
    """
    store = stores.get(options.connection) if options else None
    if options is None or store is None:
        return ()
    values = {
        "PENSTOCK_FEATURES_URL": store.uri,
        "PENSTOCK_FEATURES_TIMEOUT_SECONDS": f"{duration.seconds(options.timeout):g}",
        "PENSTOCK_FEATURES_ON_UNAVAILABLE": options.on_unavailable.value,
    }
    return tuple({"name": name, "value": value} for name, value in values.items())


def unknown_store(options: FeatureOptions | None, stores: Mapping[str, FeatureStoreSettings]) -> str:
    """Why what the resource names cannot be asked; empty: it can. `stores`: those that it may name."""
    if options is None or options.connection in stores:
        return ""
    known = ", ".join(sorted(stores)) or "none"
    named = f"spec.predictor.features.connection: {options.connection!r}"
    return f"{named} is not among the feature stores defined for this namespace: {known}"
