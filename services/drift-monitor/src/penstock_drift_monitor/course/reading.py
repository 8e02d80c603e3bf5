"""A course from the database, in one look of its own connection."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from typing import Any, Final

from penstock_drift_monitor.course.course import (
    Course,
    QualityPoint,
    RolloutPoint,
    RowsSpan,
    Tries,
    TriesSpan,
    VersionFigure,
)
from penstock_drift_monitor.course.levels import as_scores
from penstock_drift_monitor.course.store import Series

_SILENCE: Final = 120.0
"""Seconds between points from which on nothing came in between: whatever comes is noted more often."""


def read_course(reader: Callable[[], sqlite3.Connection], resource: int, columns: Sequence[str]) -> Course:
    """Read all of a resource, of columns those named. One that a point does not have was not judged then."""
    with closing(reader()) as database:
        database.execute("BEGIN")  # one instant for all questions
        times, scores = _columns(database, resource, columns)
        return Course(
            column_times=times,
            columns=scores,
            rollout=tuple(
                RolloutPoint(at=at, phase=value["phase"], weights=value["weights"], decision=value["decision"])
                for _, at, value in _points(database, resource, Series.ROLLOUT)
            ),
            tries=tuple(_tries(list(_points(database, resource, Series.TRIES)))),
            rows=tuple(_rows(list(_points(database, resource, Series.ROWS)))),
            quality=tuple(
                QualityPoint(at=at, versions={version: VersionFigure(**told) for version, told in value.items()})
                for _, at, value in _points(database, resource, Series.QUALITY)
            ),
        )


def _points(database: sqlite3.Connection, resource: int, series: Series) -> Iterator[tuple[float, float, Any]]:
    """Where each point's slot begins, its moment, and what it holds."""
    for start, at, body in database.execute(
        "SELECT start, at, body FROM courses WHERE resource = ? AND series = ? ORDER BY at", (resource, series)
    ):
        yield start, at, json.loads(body)


def _columns(
    database: sqlite3.Connection, resource: int, columns: Sequence[str]
) -> tuple[tuple[float, ...], dict[str, tuple[float | None, ...]]]:
    places: dict[int, list[int | None]] = {}
    for number, text in database.execute("SELECT id, names FROM course_layouts WHERE resource = ?", (resource,)):
        known = {name: place for place, name in enumerate(json.loads(text))}
        places[number] = [known.get(name) for name in columns]
    times: list[float] = []
    found: list[list[float | None]] = [[] for _ in columns]
    for at, layout, body in database.execute(
        "SELECT at, layout, body FROM courses WHERE resource = ? AND series = ? ORDER BY at", (resource, Series.COLUMNS)
    ):
        times.append(at)
        chosen = places[layout]
        levels = bytes(0 if place is None else body[place] for place in chosen)
        for course, score in zip(found, as_scores(levels), strict=True):
            course.append(score)
    return tuple(times), {name: tuple(course) for name, course in zip(columns, found, strict=True)}


def _begin(before: float, start: float, at: float) -> float:
    """Since when a point counts: since the one before, unless its own slot began long after that."""
    return min(start, at - 1) if start - before > _SILENCE else before


def _rows(points: Sequence[tuple[float, float, dict[str, int]]]) -> Iterator[RowsSpan]:
    for (_, earlier, before), (start, until, now) in pairwise(points):
        rows = {}
        for version, count in now.items():
            known = before.get(version, 0)
            rows[version] = count - (known if known <= count else 0)  # fewer: it was forgotten, and came again
        since = _begin(earlier, start, until)
        if since > earlier:
            yield RowsSpan(since=earlier, until=since, rows=dict.fromkeys(rows, 0))
        yield RowsSpan(since=since, until=until, rows=rows)


def _tries(points: Sequence[tuple[float, float, dict[str, Any]]]) -> Iterator[TriesSpan]:
    for (_, earlier, before), (start, until, now) in pairwise(points):
        versions = {}
        for version, (tries, failures) in now["sum"].items():
            known = before["sum"].get(version, (0, 0))
            if tries > known[0]:
                versions[version] = Tries(tries=tries - known[0], failures=max(0, failures - known[1]))
        yield TriesSpan(since=_begin(earlier, start, until), until=until, versions=versions)
