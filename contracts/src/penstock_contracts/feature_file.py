"""`features.json`, the file that a version comes with: which columns are looked up, held against its signature.

Who writes it (the SDK) and who reads it (the model store) check it by this one function.
"""

import math
from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from penstock_contracts.api import duration
from penstock_contracts.features import FeatureColumn, FeatureLookup, OnMissing
from penstock_contracts.model_card import Column

FILE: Final = "features.json"
PATHS: Final = (FILE, f"extra_files/{FILE}")
"""Where a version has it. `extra_files/` is where MLflow's `extra_files=` puts it."""
MOST_BYTES: Final = 2**20
_DEFAULTS: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "string": (str,),
}
"""What a default may be in JSON, by the column's type."""
_WORDS: Final = {
    "boolean": "true or false",
    "integer": "a whole number of 32 bits",
    "long": "a whole number of 64 bits",
    "float": "a finite number",
    "double": "a finite number",
    "string": "a text",
}
_BITS: Final = {"integer": 32, "long": 64}
_FLOATS: Final = frozenset({"float", "double"})


class UnusableLookup(ValueError):
    """What a `features.json` says cannot be meant. The message names the column, and what to write instead."""


def lookup_of(text: bytes, columns: Sequence[Column] | None) -> FeatureLookup:
    """Read the file. `columns`: of the model's signature; None: it names none. Raises UnusableLookup."""
    if len(text) > MOST_BYTES:
        raise UnusableLookup(f"{FILE} has {len(text)} bytes, more than {MOST_BYTES}")
    try:
        lookup = FeatureLookup.model_validate_json(text, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UnusableLookup(f"{FILE}: {where}: {first['msg']}") from None
    if not columns:
        raise UnusableLookup(
            f"{FILE} looks columns up, and the model's signature names none: log the model with a signature of columns"
        )
    types = {column.name: column.type for column in columns}
    for name, entry in lookup.columns.items():
        _check(name, entry, types)
    both = sorted(lookup.entities.keys() & lookup.columns.keys())
    if both:
        raise UnusableLookup(f"{FILE}: {both[0]!r} is an entity key and looked up by itself: take it out of columns")
    return lookup


def _check(name: str, entry: FeatureColumn, types: dict[str, str]) -> None:
    if name not in types:
        raise UnusableLookup(f"{FILE}: columns: the signature has no column {name!r}: it has {sorted(types)[:20]}")
    kind = types[name]
    column = f"{FILE}: columns: {name!r} ({kind})"
    if entry.on_missing is OnMissing.NULL and kind not in _FLOATS:
        raise UnusableLookup(f"{column} cannot be null, only a number with a point can: give a default, or reject")
    if entry.on_missing is OnMissing.DEFAULT and entry.default is None:
        raise UnusableLookup(
            f"{column} has onMissing: default and no default: give the training sample's median or mode"
        )
    if entry.on_missing is not OnMissing.DEFAULT and entry.default is not None:
        raise UnusableLookup(f"{column} has a default that is never used: write onMissing: default, or leave it out")
    if entry.default is not None and not _is_of(kind, entry.default):
        asked = f": give {_WORDS[kind]}" if kind in _WORDS else ""
        raise UnusableLookup(f"{column} has the default {entry.default!r}, which is no value of that type{asked}")
    if entry.max_age is not None:
        _check_age(column, entry.max_age)


def _is_of(kind: str, value: object) -> bool:
    if type(value) not in _DEFAULTS.get(kind, ()):
        return False
    if isinstance(value, float):
        return math.isfinite(value)
    return kind not in _BITS or not isinstance(value, int) or value.bit_length() < _BITS[kind]


def _check_age(column: str, max_age: str) -> None:
    try:
        seconds = duration.seconds(max_age)
    except ValueError as error:
        raise UnusableLookup(f"{column}: maxAge: {error}") from None
    if seconds <= 0:
        raise UnusableLookup(f"{column}: maxAge: {max_age} is no time: leave it out where a value may be however old")
