"""Rows with what was looked up, and what is told of them: by a header, and by counters."""

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from penstock_predictor.metrics import PredictorMetrics

if TYPE_CHECKING:
    from penstock_predictor.features.unavailable import Cause

_LONGEST_LIST = 1024
"""Characters of column names in a header."""


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


class CompletedRows:
    """A request's rows, each with every looked-up column."""

    __slots__ = ("cause", "columns", "rows", "sources")

    def __init__(self, columns: Sequence[str], rows: list[Any], sources: list[list[FeatureSource]]) -> None:
        """`columns`: that are looked up. `sources`: for each row where the values of these came from."""
        self.columns = columns
        self.rows = rows
        self.sources = sources
        self.cause: Cause | None = None
        """Why the store gave nothing, where it did."""

    def count(self, metrics: PredictorMetrics) -> None:
        """Count each value that was not given. On the event loop."""
        for row in self.sources:
            for column, source in enumerate(row):
                if source is not FeatureSource.GIVEN:
                    metrics.count_feature(column, source.name.lower())

    def header(self) -> bytes:
        """`looked_up=5; defaulted=2; stale=a; missing=b,c; unavailable=timeout`, without what there is none of.

        Numbers count values in all rows. Names are percent-encoded, so that a comma always ends one.
        """
        counts = [sum(row.count(source) for row in self.sources) for source in FeatureSource]
        parts = [f"looked_up={counts[FeatureSource.FOUND]}"]
        if defaulted := sum(counts[FeatureSource.STALE :]):
            parts.append(f"defaulted={defaulted}")
        named = [source for source in (FeatureSource.STALE, FeatureSource.MISSING) if counts[source]]
        parts += [f"{source.name.lower()}={self._names(source)}" for source in named]
        if self.cause is not None:
            parts.append(f"unavailable={self.cause}")
        return "; ".join(parts).encode()

    def _names(self, source: FeatureSource) -> str:
        named = [
            quote(name, safe="")
            for place, name in enumerate(self.columns)
            if any(row[place] is source for row in self.sources)
        ]
        text = ",".join(named)
        return text if len(text) <= _LONGEST_LIST else f"{text[:_LONGEST_LIST].rpartition(',')[0]},..."
