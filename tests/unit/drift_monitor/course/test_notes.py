"""What is noted of a resource, in a database of its own, and read again."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from penstock_contracts.base import evolve
from penstock_contracts.drift import DriftWish, RolloutFacts, ServedVersion, VersionTries
from penstock_contracts.quality import FigureInterval, QualityReport, QualityTask, VersionQuality
from penstock_drift_monitor.course.course import RolloutPoint, RowsSpan, Tries, TriesSpan
from penstock_drift_monitor.course.levels import as_levels
from penstock_drift_monitor.course.reading import read_course
from penstock_drift_monitor.course.store import TABLES, CourseStore, Series
from penstock_drift_monitor.course.thinning import MOST_POINTS
from penstock_drift_monitor.course_notes import CourseNotes
from penstock_drift_monitor.detector.detector import Detector
from penstock_drift_monitor.detector.reference import Reference
from penstock_drift_monitor.watch import Watch

if TYPE_CHECKING:
    from penstock_drift_monitor.detector.sample import Sample

NOW = 1_800_000_000.0
WATCH = Watch(DriftWish(stable=ServedVersion(version="1", digest="sha256:0", revision="r")), {})


@pytest.fixture
def reader(tmp_path: Path) -> Callable[[], sqlite3.Connection]:
    return lambda: sqlite3.connect(tmp_path / "course.sqlite", isolation_level=None)


@pytest.fixture
def notes(reader: Callable[[], sqlite3.Connection]) -> CourseNotes:
    database = reader()
    database.execute("PRAGMA synchronous = OFF")
    database.executescript(TABLES)
    return CourseNotes(CourseStore(database))


def facts(weight: int, *, attempt: int = 0, tries: int = 0, failures: int = 0) -> RolloutFacts:
    told = {"2": VersionTries(tries=tries, failures=failures)} if tries else {}
    return RolloutFacts(phase="Progressing", weights={"1": 100 - weight, "2": weight}, attempt=attempt, tries=told)


def test_a_rollout_is_noted_where_it_changes_and_only_its_newest_points_stay(
    notes: CourseNotes, reader: Callable[[], sqlite3.Connection]
) -> None:
    for second in range(MOST_POINTS + 20):
        for _ in range(2):
            notes.rollout(1, facts(second % 100), NOW + second)
    notes.rollout(2, facts(5), NOW)
    points = read_course(reader, 1, ()).rollout
    assert len(points) == MOST_POINTS
    assert points[-1] == RolloutPoint(
        at=NOW + MOST_POINTS + 19,
        phase="Progressing",
        weights={"1": 100 - (MOST_POINTS + 19) % 100, "2": (MOST_POINTS + 19) % 100},
        decision="",
    )


def test_tries_are_counted_on_over_attempts_and_over_gateway_pods_that_left(
    notes: CourseNotes, reader: Callable[[], sqlite3.Connection]
) -> None:
    told = [(1, 10, 1), (1, 30, 2), (1, 20, 2), (1, 25, 4), (2, 7, 0)]
    for second, (attempt, tries, failures) in enumerate(told):
        notes.rollout(1, facts(5, attempt=attempt, tries=tries, failures=failures), NOW + second)
    spans = read_course(reader, 1, ()).tries
    assert [(each.since, each.until) for each in spans] == [(NOW + at, NOW + at + 1) for at in range(4)]
    assert [each.versions.get("2") for each in spans] == [
        Tries(tries=20, failures=1),
        None,
        Tries(tries=5, failures=2),
        Tries(tries=7, failures=0),
    ]
    assert isinstance(spans[0], TriesSpan)


def test_a_time_in_which_nothing_came_is_a_span_of_its_own(
    notes: CourseNotes, reader: Callable[[], sqlite3.Connection]
) -> None:
    for at, came in ((0, {"1": 0}), (10, {"1": 500}), (20, {"1": 500}), (50, {"1": 700, "2": 3})):
        notes.note(1, WATCH, came, NOW + at)
    spans = read_course(reader, 1, ()).rows
    assert spans == (
        RowsSpan(since=NOW, until=NOW + 10, rows={"1": 500}),
        RowsSpan(since=NOW + 10, until=NOW + 20, rows={"1": 0}),
        RowsSpan(since=NOW + 20, until=NOW + 40, rows={"1": 0}),
        RowsSpan(since=NOW + 40, until=NOW + 50, rows={"1": 200, "2": 3}),
    )


def test_what_came_after_a_silence_does_not_reach_back_into_it_once_points_became_one(
    notes: CourseNotes, reader: Callable[[], sqlite3.Connection]
) -> None:
    later = NOW + 86400
    for at, rows in ((NOW, 0), (later, 600), (later + 10, 900), (later + 40000, 900)):
        notes.note(1, WATCH, {"1": rows}, at)
    spans = [each for each in read_course(reader, 1, ()).rows if each.rows["1"]]
    assert [each.rows for each in spans] == [{"1": 900}]
    assert (later - 900 <= spans[0].since, spans[0].until) == (True, later + 10)


def test_what_got_rows_is_due_once_more_after_they_ended(notes: CourseNotes) -> None:
    notes.rows_came(3)
    assert [notes.due(), notes.due(), notes.due()] == [[3], [3], []]


def test_a_peak_of_an_hour_ago_is_there_after_points_became_one_and_unnamed_layouts_go(
    notes: CourseNotes, reader: Callable[[], sqlite3.Connection]
) -> None:
    store = notes.store
    for second in range(120):
        level = 1.5 if second == 17 else 0.1
        store.note_levels(1, NOW + second, ("amount", "age"), as_levels(np.array([level, np.nan])))
    store.note_levels(1, NOW + 4000, ("amount", "shop"), as_levels(np.array([0.2, 0.3])))
    course = read_course(reader, 1, ("amount", "shop", "no such column"))
    assert course.column_times == (NOW + 119, NOW + 4000)
    assert course.columns["amount"] == (1.5, 0.2)
    assert course.columns["shop"] == (None, 0.3)
    assert set(course.columns["no such column"]) == {None}
    store.thin(1, Series.COLUMNS, NOW + 100 * 86400)
    store.note_levels(1, NOW + 100 * 86400, ("amount", "shop"), as_levels(np.array([0.2, 0.3])))
    assert reader().execute("SELECT COUNT(*) FROM course_layouts").fetchone() == (1,)
    assert reader().execute("SELECT COUNT(*) FROM courses").fetchone() == (1,)


def test_a_database_that_is_nearly_full_takes_no_note(
    notes: CourseNotes, reader: Callable[[], sqlite3.Connection]
) -> None:
    notes.store._database.execute("PRAGMA max_page_count = 5")
    notes.note(1, WATCH, {"1": 1}, NOW)
    notes.rollout(1, facts(5), NOW)
    course = read_course(reader, 1, ())
    assert (course.rows, course.rollout) == ((), ())


def test_quality_is_noted_with_its_interval_for_versions_that_have_one(
    notes: CourseNotes, reader: Callable[[], sqlite3.Connection]
) -> None:
    known = VersionQuality(
        version="1", digest="d", answers=9, labelled=8, coverage=0.9, lag_seconds=1.0, task=QualityTask.BINARY,
        roc_auc=0.9, interval=FigureInterval(figure="roc_auc", values=4, low=0.5, high=1.0),
    )  # fmt: skip
    young = evolve(known, version="2", interval=None)
    report = QualityReport(namespace="shop", name="fraud", versions=(known, young), differences=(), rows_limit=9)
    notes.quality(1, report, NOW)
    notes.quality(1, report, NOW + 5)
    (point,) = read_course(reader, 1, ()).quality
    assert list(point.versions) == ["1"]
    told = point.versions["1"]
    assert (told.figure, told.value, told.low, told.high, told.labelled) == ("roc_auc", 0.9, 0.5, 1.0, 8)


def test_relative_scores_are_those_of_the_findings() -> None:
    draw = np.random.default_rng(7)
    reference = Reference.of(
        {"amount": draw.normal(size=2000), "shop": ["ab"[each] for each in draw.integers(0, 2, 2000)]}
    )
    detector = Detector(reference, period_seconds=0)
    assert np.isnan(detector.relative_scores()).all()
    for _ in range(20):
        rows: Sample = {"amount": draw.normal(0.7, 1, 100), "shop": ["abc"[each] for each in draw.integers(0, 3, 100)]}
        detector.add(reference.count(rows), 1.0)
        expected = [each.score / each.threshold for each in detector.findings()]
        assert detector.relative_scores() == pytest.approx(expected)
    assert (detector.relative_scores() >= 1).all()
