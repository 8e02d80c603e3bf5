"""How one model's rows are completed: what a row lacks, by which keys it is looked up, and what stands for what is not
found. Without I/O.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from penstock_contracts.api import duration
from penstock_contracts.features import FeatureColumn, FeatureLookup, OnMissing
from penstock_contracts.model_card import Column
from penstock_predictor.errors import DoesNotFit, FeaturesAway
from penstock_predictor.features.completed_rows import CompletedRows, FeatureSource, RowSources
from penstock_predictor.features.online_answer import FoundValue
from penstock_predictor.features.unavailable import FeaturesUnavailable
from penstock_predictor.model.columns import Row

Key = tuple[Any, ...]
"""A value for each entity, in the order of the look-up's entities."""
Found = Sequence[FoundValue | None] | FeaturesUnavailable
"""Of one key: a value for each column that is looked up, in their order, or why there are none."""

_LONGEST_KEY: Final = 1024
_KEY_BITS: Final = 63
_ENTITY_TYPES: Final[Mapping[str, type]] = {"string": str, "integer": int}
_NO_VALUE: Final = object()


@dataclass(frozen=True)
class _LookedUp:
    """One column."""

    name: str
    reference: str
    on_missing: OnMissing
    default: Any
    max_age: float | None
    """Seconds."""
    read: Callable[[Any], Any]
    """A value of the store as one of the column, or _NO_VALUE where it is none."""

    @classmethod
    def of(cls, name: str, entry: FeatureColumn, kind: str) -> "_LookedUp":
        seconds = None if entry.max_age is None else duration.seconds(entry.max_age)
        return cls(name, entry.feature, entry.on_missing, entry.default, seconds, _READERS[kind])


class LookupPlan:
    """Of one model."""

    def __init__(self, lookup: FeatureLookup, columns: Sequence[Column], *, needs_store: bool) -> None:
        """`columns`: of the model's signature. `needs_store`: whether nothing is answered that the store gave nothing
        for.
        """
        kinds = {column.name: column.type for column in columns}
        self._columns = [_LookedUp.of(name, entry, kinds[name]) for name, entry in lookup.columns.items()]
        self.names = tuple(lookup.columns)
        self.references = tuple(column.reference for column in self._columns)
        self.service = lookup.service
        self.entities = tuple(lookup.entities)
        self._entity_types = [(name, _ENTITY_TYPES[kind]) for name, kind in lookup.entities.items()]
        self._looked_up = frozenset(lookup.columns)
        self._no_columns = frozenset(lookup.entities) - kinds.keys()
        self._needs_store = needs_store

    def keys(self, rows: Sequence[Row]) -> dict[int, Key]:
        """Of each row that lacks a column, by its place. A row that is a list has them all.

        Raises DoesNotFit for one that gives no key either, or one of another type.
        """
        lacking = {
            place: row for place, row in enumerate(rows) if isinstance(row, dict) and not self._looked_up <= row.keys()
        }
        return {place: self._key(place, row) for place, row in lacking.items()}

    def _key(self, place: int, row: Mapping[str, Any]) -> Key:
        for name, kind in self._entity_types:
            value = row.get(name)
            if value is None:
                lacks = next(column for column in self.names if column not in row)
                raise DoesNotFit(
                    f"row {place}: column {lacks!r} is missing: give it, or {name!r}, by which it is looked up"
                )
            if type(value) is not kind or not _is_short(value):
                word = "a string of at most 1024 characters" if kind is str else "an integer of 64 bits"
                raise DoesNotFit(f"row {place}: {name!r}, by which features are looked up: expected {word}")
        return tuple([row[name] for name in self.entities])

    def complete(self, rows: Sequence[Row], found: Mapping[int, tuple[Key, Found]], now: float) -> CompletedRows:
        """Rows with every column. `found`: by the place of the row. `now`: Unix time in seconds.

        Raises DoesNotFit for a value that is missing or stale where the version says reject, and FeaturesAway where the
        store gave nothing and that is not to be answered.
        """
        done = CompletedRows(self.names, self.entities)
        for place, row in enumerate(rows):
            if not isinstance(row, dict):
                done.rows.append(row)
                continue
            values = {name: value for name, value in row.items() if name not in self._no_columns}
            if place in found:
                key, of = found[place]
                done.found[place] = RowSources(key, *self._fill(values, place, of, now))
                if isinstance(of, FeaturesUnavailable):
                    done.cause = of.cause
            done.rows.append(values)
        return done

    def _fill(
        self, values: dict[str, Any], place: int, found: Found, now: float
    ) -> tuple[list[FeatureSource], list[float | None]]:
        sources: list[FeatureSource] = []
        times: list[float | None] = []
        for position, column in enumerate(self._columns):
            one = None if isinstance(found, FeaturesUnavailable) else found[position]
            source = FeatureSource.GIVEN
            if column.name not in values and isinstance(found, FeaturesUnavailable):
                source, values[column.name] = FeatureSource.UNAVAILABLE, self._without_store(column, place, found)
            elif column.name not in values:
                source, value, why = _judged(column, one, now)
                values[column.name] = value if source is FeatureSource.FOUND else _stand_in(column, place, why)
            sources.append(source)
            times.append(one.at if one else None)
        return sources, times

    def _without_store(self, column: _LookedUp, place: int, found: FeaturesUnavailable) -> Any:
        if self._needs_store or column.on_missing is OnMissing.REJECT:
            raise FeaturesAway(
                f"row {place}: column {column.name!r} is not given, and the feature store gave nothing: {found}"
            )
        return column.default


def _judged(column: _LookedUp, found: FoundValue | None, now: float) -> tuple[FeatureSource, Any, str]:
    """What is made of what the store has, and why there is no value where there is none."""
    if found is None:
        return FeatureSource.MISSING, None, "the store has no value"
    if found.too_old or (column.max_age is not None and now - found.at > column.max_age):
        return FeatureSource.STALE, None, f"the store's value is {now - found.at:.0f} s old"
    value = column.read(found.value)
    if value is _NO_VALUE:
        return FeatureSource.MISSING, None, f"the store's value {str(found.value)[:40]!r} is none of the column's type"
    return FeatureSource.FOUND, value, ""


def _stand_in(column: _LookedUp, place: int, why: str) -> Any:
    if column.on_missing is OnMissing.REJECT:
        raise DoesNotFit(f"row {place}: column {column.name!r}, looked up as {column.reference}: {why}")
    return column.default


def _is_short(value: Any) -> bool:
    return len(value) <= _LONGEST_KEY if isinstance(value, str) else value.bit_length() <= _KEY_BITS


def _whole(value: Any) -> Any:
    if type(value) is int:
        return value
    return int(value) if type(value) is float and value.is_integer() else _NO_VALUE


def _number(value: Any) -> Any:
    return value if type(value) in (int, float) else _NO_VALUE


def _only(kind: type) -> Callable[[Any], Any]:
    return lambda value: value if type(value) is kind else _NO_VALUE


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "boolean": _only(bool),
    "integer": _whole,
    "long": _whole,
    "float": _number,
    "double": _number,
    "string": _only(str),
}
"""By MLflow's word for a column's type. Feast writes an infinity, or NaN, as text."""
