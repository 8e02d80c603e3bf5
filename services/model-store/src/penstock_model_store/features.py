"""`features.json`: which columns a predictor looks up, held against the model's signature."""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from penstock_contracts.api import duration
from penstock_contracts.features import FeatureColumn, FeatureLookup, OnMissing
from penstock_contracts.model_card import Column
from penstock_model_store.errors import BadFeatures

FILE: Final = "features.json"
_DEFAULTS: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "string": (str,),
}
"""What a default may be in JSON, by the column's type."""
_BITS: Final = {"integer": 32, "long": 64}
_FLOATS: Final = frozenset({"float", "double"})


def lookup_of(text: bytes, columns: Sequence[Column] | None) -> FeatureLookup:
    """Read the file that a version came with. Raises BadFeatures naming the column, and what to write instead."""
    try:
        lookup = FeatureLookup.model_validate_json(text, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise BadFeatures(f"{FILE}: {where}: {first['msg']}") from None
    if not columns:
        raise BadFeatures(
            f"{FILE} looks columns up, and the model's signature names none: log the model with a signature of columns"
        )
    types = {column.name: column.type for column in columns}
    for name, entry in lookup.columns.items():
        _check(name, entry, types)
    both = sorted(lookup.entities.keys() & lookup.columns.keys())
    if both:
        raise BadFeatures(f"{FILE}: {both[0]!r} is an entity key and looked up by itself: take it out of columns")
    return lookup


def _check(name: str, entry: FeatureColumn, types: dict[str, str]) -> None:
    if name not in types:
        raise BadFeatures(f"{FILE}: columns: the signature has no column {name!r}: it has {sorted(types)[:20]}")
    column = f"{FILE}: columns: {name!r} ({types[name]})"
    if entry.on_missing is OnMissing.NULL and types[name] not in _FLOATS:
        raise BadFeatures(f"{column} cannot be null, only a number with a point can: give a default, or reject")
    if entry.on_missing is OnMissing.DEFAULT and entry.default is None:
        raise BadFeatures(f"{column} has onMissing: default and no default: give the training sample's median or mode")
    if entry.on_missing is not OnMissing.DEFAULT and entry.default is not None:
        raise BadFeatures(f"{column} has a default that is never used: write onMissing: default, or leave it out")
    if entry.default is not None and not _is_of(types[name], entry.default):
        raise BadFeatures(f"{column} has the default {entry.default!r}, which is no value of that type")
    if entry.max_age is not None:
        _check_age(column, entry.max_age)


def _is_of(kind: str, value: object) -> bool:
    if type(value) not in _DEFAULTS.get(kind, ()):
        return False
    return kind not in _BITS or not isinstance(value, int) or value.bit_length() < _BITS[kind]


def _check_age(column: str, max_age: str) -> None:
    try:
        seconds = duration.seconds(max_age)
    except ValueError as error:
        raise BadFeatures(f"{column}: maxAge: {error}") from None
    if seconds <= 0:
        raise BadFeatures(f"{column}: maxAge: {max_age} is no time: leave it out where a value may be however old")
