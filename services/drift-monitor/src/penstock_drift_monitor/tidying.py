"""What is too old, too much, or of a resource that nobody knows any more goes, a bounded step at a time."""

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from penstock_drift_monitor.course.thinning import KEPT_SECONDS

_STEP: Final = 5000
"""Rows removed in one step, so that no batch waits long behind it."""
_PAGES: Final = 2000
_FULL_FROM: Final = 0.9


@dataclass(frozen=True)
class Removed:
    """Rows that went, by reason."""

    age: int = 0
    size: int = 0
    unmatched: int = 0
    """Labels whose record never came."""
    more: bool = False
    """There is more to remove: step again soon."""


def tidy(database: sqlite3.Connection, *, now: float, retention_seconds: float, max_bytes: int) -> Removed:
    """Remove one step's worth inside the writer's transaction."""
    oldest = now - retention_seconds
    age = _count(
        database,
        "DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY id LIMIT ?) AND at < ?",
        (_STEP, oldest),
    )
    database.execute(
        "UPDATE arms SET held = held - "
        "(SELECT COALESCE(SUM(row_count), 0) FROM batches WHERE arm = arms.id AND last < ?)",
        (oldest,),
    )
    database.execute("DELETE FROM batches WHERE last < ?", (oldest,))
    database.execute("DELETE FROM senders WHERE seen < ?", (oldest,))
    unmatched = _count(
        database,
        "DELETE FROM labels WHERE id IN (SELECT id FROM labels ORDER BY id LIMIT ?) AND received < ? AND joined = 0",
        (_STEP, oldest),
    )
    old = _count(
        database,
        "DELETE FROM labels WHERE id IN (SELECT id FROM labels ORDER BY id LIMIT ?) AND received < ?",
        (_STEP, oldest),
    )
    _forget_unwatched(database)
    database.execute(
        "DELETE FROM courses WHERE resource IN (SELECT id FROM resources WHERE wish IS NULL) AND at < ?",
        (now - KEPT_SECONDS,),
    )
    forgotten = _remove_forgotten(database)
    size = 0
    if used_bytes(database) > _FULL_FROM * max_bytes:
        size = _count(
            database, "DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY id LIMIT ?)", (_STEP,)
        )
    more = max(age, unmatched + old, forgotten, size) >= _STEP
    return Removed(age=age, size=size, unmatched=unmatched, more=more or size > 0)


def give_back(database: sqlite3.Connection) -> None:
    """Return some free pages to the file system; outside a transaction."""
    database.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()


def volume_of(database: sqlite3.Connection) -> tuple[int, int]:
    """Size and free bytes of the volume that the database lies on."""
    ((_, _, file),) = database.execute("PRAGMA database_list").fetchall()
    usage = shutil.disk_usage(Path(file).parent)
    return usage.total, usage.free


def used_bytes(database: sqlite3.Connection) -> int:
    """Of the database, without pages that are free."""
    pages, free, size = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _forget_unwatched(database: sqlite3.Connection) -> None:
    """Forget resources that nobody asks for and nobody has sent records of within the retention: they moved, say."""
    rows = database.execute(
        "SELECT id FROM resources WHERE wish IS NULL AND namespace != '' "
        "AND NOT EXISTS (SELECT 1 FROM senders WHERE resource = resources.id) "
        "AND NOT EXISTS (SELECT 1 FROM batches WHERE resource = resources.id)"
    ).fetchall()
    for (resource,) in rows:
        for table in ("states", "divergences", "replays", "paired_qualities", "skews"):
            database.execute(f"DELETE FROM {table} WHERE resource = ?", (resource,))  # noqa: S608 - our own names
        database.execute("UPDATE resources SET namespace = '', name = ? WHERE id = ?", (str(resource), resource))


def _remove_forgotten(database: sqlite3.Connection) -> int:
    """Remove answers and labels of resources that were deleted, then their last traces."""
    removed = 0
    for (resource,) in database.execute("SELECT id FROM resources WHERE namespace = ''").fetchall():
        arms = database.execute("SELECT id FROM arms WHERE resource = ?", (resource,)).fetchall()
        here = sum(
            _count(
                database, "DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE arm = ? LIMIT ?)", (arm, _STEP)
            )
            for (arm,) in arms
        )
        here += _count(
            database,
            "DELETE FROM labels WHERE id IN (SELECT id FROM labels WHERE resource = ? LIMIT ?)",
            (resource, _STEP),
        )
        removed += here
        if not here:
            for table in ("courses", "course_layouts", "arms"):
                database.execute(f"DELETE FROM {table} WHERE resource = ?", (resource,))  # noqa: S608 - our own names
            database.execute("DELETE FROM resources WHERE id = ?", (resource,))
    return removed


def _count(database: sqlite3.Connection, statement: str, values: tuple[object, ...]) -> int:
    return max(0, database.execute(statement, values).rowcount)
