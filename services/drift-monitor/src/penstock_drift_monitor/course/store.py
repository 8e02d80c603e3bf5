"""Points of a course in the database, inside the writer's transaction."""

import json
import sqlite3
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from penstock_drift_monitor.course.levels import highest
from penstock_drift_monitor.course.thinning import KEPT_SECONDS, MOST_POINTS, Merge, Slot, merges, slot_of

TABLES: Final = """
CREATE TABLE IF NOT EXISTS courses (
    resource INTEGER NOT NULL, series TEXT NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL, at REAL NOT NULL,
    layout INTEGER NOT NULL DEFAULT 0, body BLOB NOT NULL, PRIMARY KEY (resource, series, start, length));
CREATE TABLE IF NOT EXISTS course_layouts (id INTEGER PRIMARY KEY, resource INTEGER NOT NULL, names TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS course_layouts_of_resource ON course_layouts (resource, id);
"""
_HERE: Final = "resource = ? AND series = ? AND start = ? AND length = ?"
_FULL_FROM: Final = 0.95
"""Of the database: a course yields to records."""


class Series(StrEnum):
    """What is noted over time."""

    COLUMNS = "columns"
    """Levels of all columns; a point of a longer time has each one's highest."""
    ROWS = "rows"
    """Rows recorded so far, by version."""
    TRIES = "tries"
    """Tries of users' requests so far, by version."""
    QUALITY = "quality"
    ROLLOUT = "rollout"
    """Phase, weights and decision, whenever they change: slots of no length, which begin at a millisecond."""


class CourseStore:
    """After a rollback `forget` is called."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """The tables are there."""
        self._database = database
        self._layouts: dict[int, tuple[int, tuple[str, ...]]] = {}
        """Resource to its newest layout."""

    def has_room(self) -> bool:
        """Whether the database is not nearly full."""
        pages, free, most = (
            self._database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "max_page_count")
        )
        return bool(pages - free < _FULL_FROM * most)

    def note(self, resource: int, series: Series, at: float, value: object) -> None:
        """Add what holds at a moment (Unix time): it takes the place of a point of the same slot. `value`: for JSON."""
        slot = Slot(int(1000 * at), 0) if series is Series.ROLLOUT else slot_of(at)
        is_new = self._found(resource, series, slot) is None
        self._put(resource, series, slot, at, 0, json.dumps(value).encode())
        if is_new:
            self.thin(resource, series, at)

    def note_levels(self, resource: int, at: float, names: Sequence[str], levels: bytes) -> None:
        """Add a level of each column at a moment; in one slot the highest of each stays."""
        slot, layout = slot_of(at), self._layout(resource, tuple(names))
        before = self._found(resource, Series.COLUMNS, slot)
        if before is not None:
            levels = highest(before[2], self._names(before[1]), levels, tuple(names))
        self._put(resource, Series.COLUMNS, slot, at, layout, levels)
        if before is None:
            self.thin(resource, Series.COLUMNS, at)

    def latest(self, resource: int, series: Series) -> tuple[float, object] | None:
        """The newest point of a series that is JSON, with its Unix time."""
        found = self._database.execute(
            "SELECT at, body FROM courses WHERE resource = ? AND series = ? ORDER BY start DESC, length LIMIT 1",
            (resource, series),
        ).fetchone()
        return None if found is None else (found[0], json.loads(found[1]))

    def thin(self, resource: int, series: Series, now: float) -> None:
        """Make points one that have become too old for their length, and drop those that are too old at all."""
        if series is Series.ROLLOUT:
            # What held is known however long ago it began: only the number is bounded.
            for slot in self._slots(resource, series)[:-MOST_POINTS]:
                self._remove(resource, series, slot)
            return
        here = (resource, series)
        self._database.execute(
            "DELETE FROM courses WHERE resource = ? AND series = ? AND at < ?", (*here, now - KEPT_SECONDS)
        )
        for merge in merges(self._slots(resource, series), now):
            self._merge(resource, series, merge)
        if series is Series.COLUMNS:
            self._database.execute(
                "DELETE FROM course_layouts WHERE resource = ? AND id NOT IN "
                "(SELECT layout FROM courses WHERE resource = ? AND series = ?)",
                (resource, *here),
            )
            self._layouts.pop(resource, None)

    def _slots(self, resource: int, series: Series) -> list[Slot]:
        """Those that have points, oldest first."""
        found = self._database.execute(
            "SELECT start, length FROM courses WHERE resource = ? AND series = ? ORDER BY start, length",
            (resource, series),
        )
        return [Slot(*each) for each in found]

    def forget(self) -> None:
        """Forget what was remembered of the database: it may have been taken back."""
        self._layouts.clear()

    def _merge(self, resource: int, series: Series, merge: Merge) -> None:
        """The newest part stands for all; of levels the highest."""
        at, layout, body = self._found(resource, series, merge.parts[0]) or (0.0, 0, b"")
        for part in merge.parts[1:]:
            older = (layout, body)
            at, layout, body = self._found(resource, series, part) or (at, layout, body)
            if series is Series.COLUMNS:
                body = highest(older[1], self._names(older[0]), body, self._names(layout))
        for part in merge.parts:
            self._remove(resource, series, part)
        self._put(resource, series, merge.into, at, layout, body)

    def _found(self, resource: int, series: Series, slot: Slot) -> tuple[float, int, bytes] | None:
        found: tuple[float, int, bytes] | None = self._database.execute(
            f"SELECT at, layout, body FROM courses WHERE {_HERE}",  # noqa: S608 - our own words
            (resource, series, slot.start, slot.length),
        ).fetchone()
        return found

    def _put(self, resource: int, series: Series, slot: Slot, at: float, layout: int, body: bytes) -> None:  # noqa: PLR0917 - the table's columns
        self._database.execute(
            "INSERT OR REPLACE INTO courses (resource, series, start, length, at, layout, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (resource, series, slot.start, slot.length, at, layout, body),
        )

    def _remove(self, resource: int, series: Series, slot: Slot) -> None:
        self._database.execute(
            f"DELETE FROM courses WHERE {_HERE}",  # noqa: S608 - our own words
            (resource, series, slot.start, slot.length),
        )

    def _layout(self, resource: int, names: tuple[str, ...]) -> int:
        """Number of this list of columns, which every point of it names instead."""
        known = self._layouts.get(resource)
        if known is not None and known[1] == names:
            return known[0]
        text = json.dumps(names)
        found = self._database.execute(
            "SELECT id FROM course_layouts WHERE resource = ? AND names = ?", (resource, text)
        ).fetchone()
        if found is None:
            found = self._database.execute(
                "INSERT INTO course_layouts (resource, names) VALUES (?, ?) RETURNING id", (resource, text)
            ).fetchone()
        self._layouts[resource] = (int(found[0]), names)
        return int(found[0])

    def _names(self, layout: int) -> tuple[str, ...]:
        known = next((names for number, names in self._layouts.values() if number == layout), None)
        if known is not None:
            return known
        (text,) = self._database.execute("SELECT names FROM course_layouts WHERE id = ?", (layout,)).fetchone()
        return tuple(json.loads(text))
