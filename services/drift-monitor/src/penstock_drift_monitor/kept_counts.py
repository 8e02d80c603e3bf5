"""Counts that are kept for a wish, one of each kind for a resource: they begin with it, and lapse when nobody asks."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar

import msgspec

from penstock_contracts.base import Contract

_LAPSES_AFTER: Final = 3600.0
"""Seconds: an attempt is over, or the controller away."""
_NOTED_EVERY: Final = 60.0
"""Seconds: that a wish was repeated is written so often."""

Wish = TypeVar("Wish", bound=Contract)
Counts = TypeVar("Counts", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class WishedCounts(Generic[Wish, Counts]):
    """What is counted for a resource, and what for."""

    wish: Wish
    counts: Counts


class KeptCounts(Generic[Wish, Counts]):
    """One table. Methods run inside the writer's transactions."""

    def __init__(self, database: sqlite3.Connection, table: str, wish: type[Wish], counts: type[Counts]) -> None:
        """`table`: of the columns resource, wish, asked and counts."""
        self._database, self._table, self._wish = database, table, wish
        self._decoder = msgspec.json.Decoder(counts)

    def follow(self, resource: int, wish: Wish, now: float, begin: Callable[[str], Counts]) -> bool:
        """Count for a wish from now on (Unix seconds); False: that is so already, and it goes on.

        `begin`: the counts of another wish, by when they begin, as text that no other beginning has.
        """
        found = self._row(resource)
        if found is not None and self._wish.model_validate_json(found[0]) == wish:
            if not 0 <= now - found[1] < _NOTED_EVERY:
                self._run("UPDATE {} SET asked = ? WHERE resource = ?", now, resource)
            return False
        counts = begin(datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds"))
        row = (resource, wish.model_dump_json(), now, msgspec.json.encode(counts))
        self._run("INSERT OR REPLACE INTO {} VALUES (?, ?, ?, ?)", *row)
        return True

    def of(self, resource: int) -> WishedCounts[Wish, Counts] | None:
        """What is counted for a resource; None: nothing ever was."""
        found = self._row(resource)
        return self._read(found[0], found[2]) if found else None

    def running(self, resource: int, now: float) -> WishedCounts[Wish, Counts] | None:
        """What is to be counted on for a resource; None: nothing, or nobody has asked for it for an hour."""
        found = self._row(resource)
        return self._read(found[0], found[2]) if found and now - found[1] <= _LAPSES_AFTER else None

    def save(self, resource: int, counts: Counts) -> None:
        """Keep what was counted."""
        self._run("UPDATE {} SET counts = ? WHERE resource = ?", msgspec.json.encode(counts), resource)

    def all(self) -> Iterator[tuple[int, WishedCounts[Wish, Counts]]]:
        """Everything that is counted, by resource."""
        rows = self._run("SELECT resource, wish, counts FROM {}").fetchall()
        return ((resource, self._read(wish, counts)) for resource, wish, counts in rows)

    def _row(self, resource: int) -> tuple[str, float, bytes] | None:
        found: tuple[str, float, bytes] | None = self._run(
            "SELECT wish, asked, counts FROM {} WHERE resource = ?", resource
        ).fetchone()
        return found

    def _read(self, wish: str, counts: bytes) -> WishedCounts[Wish, Counts]:
        return WishedCounts(self._wish.model_validate_json(wish), self._decoder.decode(counts))

    def _run(self, statement: str, *values: object) -> sqlite3.Cursor:
        return self._database.execute(statement.format(self._table), values)  # our own names
