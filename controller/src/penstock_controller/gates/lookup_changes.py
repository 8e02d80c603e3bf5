"""Which changes of a version's feature look-up callers would feel: rows that lack columns and give keys."""

from collections.abc import Iterator

from penstock_contracts.features import FeatureLookup, OnMissing
from penstock_contracts.model_card import ModelCard
from penstock_controller.gates.interface_change import InterfaceChange, breaks, harmless, unknown


def lookup_changes(stable: ModelCard, candidate: ModelCard) -> Iterator[InterfaceChange]:
    """Of columns that both versions have, and of the keys."""
    before, after = stable.features, candidate.features
    columns = {column.name for column in candidate.columns or ()}
    if before is None:
        if after is not None:
            yield harmless(f"columns {sorted(after.columns)} are looked up where a row lacks them")
        return
    for name in before.columns.keys() & columns:
        yield from _column_change(name, before, after)
    keys = after.entities if after else {}
    for key, kind in before.entities.items():
        if key not in keys and key not in columns:
            yield breaks(f"{key!r} is no key any more: rows that have it are refused")
        elif key in keys and keys[key] != kind:
            yield breaks(f"key {key!r} is {keys[key]}, stable's is {kind}")
    for key in keys.keys() - before.entities.keys():
        yield breaks(f"key {key!r} is new: rows that lack columns and do not give it are refused")


def newly_looked_up(name: str, stable: ModelCard, candidate: ModelCard) -> InterfaceChange | None:
    """Of a column that stable does not have: looked up by keys that rows may give today, it may be left out."""
    before, after = stable.features, candidate.features
    if before is None or after is None or name not in after.columns or after.entities.keys() - before.entities.keys():
        return None
    keys = sorted(after.entities)
    return unknown(f"column {name!r} is new, and looked up by {keys}: rows that give neither are refused")


def _column_change(name: str, before: FeatureLookup, after: FeatureLookup | None) -> Iterator[InterfaceChange]:
    entry = after.columns.get(name) if after else None
    if entry is None:
        yield breaks(f"column {name!r} is not looked up any more: rows without it are refused")
    elif entry.on_missing is OnMissing.REJECT and before.columns[name].on_missing is not OnMissing.REJECT:
        yield breaks(f"column {name!r} refuses rows for which the store has no value: stable's has something for them")
