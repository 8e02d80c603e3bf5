"""Columns that serving looks up in a feature store: what the caller says, as the `features.json` of a version."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from penstock.errors import FeaturesRefused
from penstock.rows import Rows, TableRows
from penstock_contracts import feature_file
from penstock_contracts.model_card import Column

_KEY_TYPES: Mapping[object, str] = {str: "string", int: "integer"}
_MILLISECONDS = (("h", 3_600_000), ("s", 1_000), ("ms", 1))


@dataclass(frozen=True)
class ViewLookup:
    """Columns whose values come from one view of the feature store.

    `ViewLookup("user_features", key="user_id", columns=["account_age_days"], defaults={"account_age_days": 667},
    max_age="26h")`
    """

    view: str
    """Its name in the feature store: Feast's feature view."""
    key: str | Sequence[str] | Mapping[str, type]
    """What a row gives in place of the columns: the view's join key or keys, which are texts; `{"user_id": int}` where
    they are whole numbers."""
    columns: Sequence[str] | Mapping[str, str]
    """Columns of the model that are features of the view; `{column: feature}` where the names differ."""
    defaults: Mapping[str, object] = field(default_factory=dict)
    """By column, what stands for a value that the store does not have, or that is too old: take what training used.
    None: a missing number. Where a column has neither, the request is refused."""
    max_age: str | timedelta | None = None
    """How old a value may be, such as `26h`: take the view's ttl. None: any age."""


Features = ViewLookup | Sequence[ViewLookup] | Mapping[str, Any] | str | Path
"""What `log_model` takes: look-ups, or a `features.json` as a mapping or a file."""


def features_json(features: Features, rows: Rows) -> bytes:
    """Write `features.json`. Raises FeaturesRefused for what the model store would refuse, in its words."""
    if not isinstance(rows, TableRows):
        raise FeaturesRefused("features are looked up for columns, and X has none with names: give X as a DataFrame")
    columns = [Column(name=column.name, type=column.mlflow_type) for column in rows.columns]
    try:
        lookup = feature_file.lookup_of(_text(features), columns)
    except feature_file.UnusableLookup as error:
        raise FeaturesRefused(str(error)) from None
    document = lookup.model_dump(mode="json", exclude_none=True)
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _text(features: Features) -> bytes:
    if isinstance(features, str | Path):
        return _read(Path(features))
    document = features if isinstance(features, Mapping) else _document(features)
    return json.dumps(document, default=_plain).encode()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise FeaturesRefused(
            f"features: {file} cannot be read ({error.strerror}): give the path of a {feature_file.FILE}, or "
            "penstock.ViewLookup(view, key=..., columns=[...])"
        ) from None


def _document(features: object) -> dict[str, Any]:
    lookups = [features] if isinstance(features, ViewLookup) else features
    if not isinstance(lookups, Sequence) or not all(isinstance(each, ViewLookup) for each in lookups):
        raise FeaturesRefused(
            f"features is a {type(features).__name__} of something else: give penstock.ViewLookup(view, key=..., "
            f"columns=[...]) or a list of such, or a {feature_file.FILE}: a mapping, or the path of the file"
        )
    return {
        "entities": _once((key, kind) for each in lookups for key, kind in _keys(each)),
        "columns": _once((name, entry) for each in lookups for name, entry in _entries(each)),
    }


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Put pairs together. Raises FeaturesRefused where two say different things of one name."""
    found: dict[str, Any] = {}
    for name, said in pairs:
        if found.setdefault(name, said) != said:
            raise FeaturesRefused(
                f"features: {name!r} stands in two look-ups, once as {found[name]} and once as {said}"
            )
    return found


def _keys(lookup: ViewLookup) -> list[tuple[str, str]]:
    key = [lookup.key] if isinstance(lookup.key, str) else lookup.key
    types = key if isinstance(key, Mapping) else dict.fromkeys(key, str)
    odd = next((name for name, kind in types.items() if kind not in _KEY_TYPES), None)
    if odd is not None:
        raise FeaturesRefused(
            f"features: the key {odd!r} of {lookup.view} is {types[odd]!r}: keys are texts or whole numbers, "
            f"{{{odd!r}: str}} or {{{odd!r}: int}}"
        )
    return [(name, _KEY_TYPES[kind]) for name, kind in types.items()]


def _entries(lookup: ViewLookup) -> list[tuple[str, dict[str, object]]]:
    columns = [lookup.columns] if isinstance(lookup.columns, str) else lookup.columns
    named = columns if isinstance(columns, Mapping) else {name: name for name in columns}
    stray = sorted(lookup.defaults.keys() - named.keys())
    if stray:
        raise FeaturesRefused(
            f"features: {lookup.view} has a default for {stray[0]!r}, which is none of its columns: {', '.join(named)}"
        )
    age = {} if lookup.max_age is None else {"maxAge": _duration(lookup.max_age)}
    return [
        (name, {"feature": f"{lookup.view}:{feature}"} | _missing(lookup.defaults, name) | age)
        for name, feature in named.items()
    ]


def _missing(defaults: Mapping[str, object], column: str) -> dict[str, object]:
    if column not in defaults:
        return {"onMissing": "reject"}
    value = defaults[column]
    return {"onMissing": "null"} if value is None else {"onMissing": "default", "default": value}


def _duration(age: str | timedelta) -> str:
    if not isinstance(age, timedelta):
        return age
    length = age // timedelta(milliseconds=1)
    return next(f"{length // size}{unit}" for unit, size in _MILLISECONDS if length % size == 0)


def _plain(value: object) -> object:
    """What is a number of numpy's becomes one of Python's."""
    if isinstance(value, np.generic):
        return value.item()
    raise FeaturesRefused(f"features: {value!r:.60} is a {type(value).__name__}, which {feature_file.FILE} cannot hold")
