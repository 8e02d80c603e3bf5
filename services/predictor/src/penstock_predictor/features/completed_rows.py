"""Rows with what was looked up, and what is told of them: by a header, by counters, and in records."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from penstock_contracts.records import RowLookup
from penstock_predictor.metrics import PredictorMetrics

if TYPE_CHECKING:
    from penstock_predictor.features.unavailable import Cause

_LONGEST_LIST: Final = 1024
"""Characters of column names in a header."""
_encode: Final = msgspec.json.Encoder().encode


class FeatureSource(IntEnum):
    """Where a value of a looked-up column came from."""

    GIVEN = 0
    """From the caller, who goes before the store."""
    FOUND = 1
    STALE = 2
    """What stands for a value that is older than maxAge."""
    MISSING = 3
    """What stands for a value that the store does not have."""
    UNAVAILABLE = 4
    """What stands for a value where the store gave nothing."""


@dataclass
class RowSources:
    """Of one row that lacked columns: for each column that is looked up, in their order."""

    key: tuple[Any, ...]
    sources: list[FeatureSource]
    times: list[float | None]
    """Unix time in seconds of the event that the store's value was true at; None: it had none, or was not asked."""


class CompletedRows:
    """A request's rows, each with every looked-up column."""

    __slots__ = ("cause", "columns", "entities", "found", "rows")

    def __init__(self, columns: Sequence[str], entities: Sequence[str]) -> None:
        """`columns`: that are looked up. `entities`: names of the keys, by which they are."""
        self.columns = columns
        self.entities = entities
        self.rows: list[Any] = []
        self.found: dict[int, RowSources] = {}
        """By the places of the rows that lacked something."""
        self.cause: Cause | None = None
        """Why the store gave nothing, where it did."""

    def count(self, metrics: PredictorMetrics) -> None:
        """Count each value that was not given. On the event loop."""
        for row in self.found.values():
            for column, source in enumerate(row.sources):
                if source is not FeatureSource.GIVEN:
                    metrics.count_feature(column, source.name.lower())

    def header(self) -> bytes:
        """`looked_up=5; defaulted=2; stale=a; missing=b,c; unavailable=timeout`, without what there is none of.

        Numbers count values in all rows. Names are percent-encoded, so that a comma always ends one.
        """
        counts = [sum(row.sources.count(source) for row in self.found.values()) for source in FeatureSource]
        parts = [f"looked_up={counts[FeatureSource.FOUND]}"]
        if defaulted := sum(counts[FeatureSource.STALE :]):
            parts.append(f"defaulted={defaulted}")
        named = [source for source in (FeatureSource.STALE, FeatureSource.MISSING) if counts[source]]
        parts += [f"{source.name.lower()}={self._names(source)}" for source in named]
        if self.cause is not None:
            parts.append(f"unavailable={self.cause}")
        return "; ".join(parts).encode()

    def records(self, rows: int, hidden: Collection[str]) -> list[str]:
        """For each row a RowLookup of the contract as JSON; empty: it lacked nothing. `hidden`: keys that stay here."""
        return [self._record(self.found[place], hidden) if place in self.found else "" for place in range(rows)]

    def _record(self, row: RowSources, hidden: Collection[str]) -> str:
        keys = zip(self.entities, row.key, strict=True)
        columns = zip(self.columns, row.sources, row.times, strict=True)
        lookup = RowLookup(
            entities={name: value for name, value in keys if name not in hidden},
            columns={name: (source.name.lower(), at) for name, source, at in columns},
        )
        return _encode(lookup).decode()

    def _names(self, source: FeatureSource) -> str:
        of_rows = [row.sources for row in self.found.values()]
        places = [place for place in range(len(self.columns)) if any(row[place] is source for row in of_rows)]
        named = [quote(self.columns[place], safe="") for place in places]
        text = ",".join(named)
        return text if len(text) <= _LONGEST_LIST else f"{text[:_LONGEST_LIST].rpartition(',')[0]},..."
