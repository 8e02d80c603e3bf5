"""What pages and reports show, from the writer's verdicts and the database's windows."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np

from penstock_contracts.drift import ServedVersion
from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.course.course import Course
from penstock_drift_monitor.course.reading import read_course
from penstock_drift_monitor.detector.sample import Sample, Values
from penstock_drift_monitor.intake import PREDICTION, ReadableBatch, read_kept_batch
from penstock_drift_monitor.judging import LoadedReference
from penstock_drift_monitor.ledger import Ledger, kept_sample
from penstock_drift_monitor.live_quality import LiveQuality
from penstock_drift_monitor.pages.source import ReportWindow, WatchedModel
from penstock_drift_monitor.reference_sample import read_sample
from penstock_drift_monitor.writer import Writer


class WatchedModels:
    """Answers pages.source.ReportSource and CourseSource. A window holds the rows of stable that users saw."""

    def __init__(self, writer: Writer, reader: Callable[[], sqlite3.Connection], live: LiveQuality) -> None:
        """`reader` opens the database for reading."""
        self._writer = writer
        self._reader = reader
        self._live = live

    async def watched(self) -> Sequence[WatchedModel]:
        """Give every watched model."""
        return await self._writer.do(lambda ledger: [_model(ledger, *key) for key in ledger.wishes()])

    async def model(self, namespace: str, name: str) -> WatchedModel | None:
        """Give one; None: it is not watched."""
        return await self._writer.do(
            lambda ledger: _model(ledger, namespace, name) if (namespace, name) in ledger.wishes() else None
        )

    async def quality(self, namespace: str, name: str) -> QualityReport:
        """Give the live quality of one that is watched."""
        return await self._live.of(namespace, name)

    async def course(self, namespace: str, name: str, columns: Sequence[str]) -> Course:
        """Give the course of one that is watched. Raises UnknownResource."""
        resource = await self._writer.do(lambda ledger: ledger.known(namespace, name))
        return await asyncio.to_thread(read_course, self._reader, resource, columns)

    async def window(self, namespace: str, name: str) -> ReportWindow | None:
        """Give its rows; None: it is not watched."""

        def look(ledger: Ledger) -> tuple[int, ServedVersion, LoadedReference | None] | None:
            if (namespace, name) not in ledger.wishes():
                return None
            resource, wish = ledger.wish_of(namespace, name)
            return resource, wish.stable, ledger.references.get((wish.stable.digest, wish.margin))

        found = await self._writer.do(look)
        return None if found is None else await asyncio.to_thread(self._read, *found)

    def _read(self, resource: int, stable: ServedVersion, loaded: LoadedReference | None) -> ReportWindow:
        with closing(self._reader()) as database:
            kept = kept_sample(database, stable.digest)
            batches = database.execute(
                "SELECT body, last FROM batches WHERE arm IN (SELECT id FROM arms WHERE resource = ? AND digest = ? "
                "AND version = ?) ORDER BY id",
                (resource, stable.digest, stable.version),
            ).fetchall()
        sample: Sample = {}
        if kept is not None:
            sample = read_sample(kept.path, kept.body, kept.types())
        intakes = [read_kept_batch(body, last) for body, last in batches]
        rows = [_rows(intake, sample, loaded) for intake in intakes if intake.users.any()]
        # Columns that every batch has: what an exclusion took away in between is not shown.
        names = [name for name in rows[0] if all(name in each for each in rows)] if rows else []
        return ReportWindow(reference=sample, current={name: _joined([each[name] for each in rows]) for name in names})


def _model(ledger: Ledger, namespace: str, name: str) -> WatchedModel:
    _, wish = ledger.wish_of(namespace, name)
    report = ledger.report(namespace, name)
    return WatchedModel(wish=wish, report=report, last_record=report.window_to)


def _rows(intake: ReadableBatch, sample: Sample, loaded: LoadedReference | None) -> Sample:
    predictions = intake.predictions()
    seen = intake.seen_by_users() | {name: intake.only_users(values) for name, values in predictions.items()}
    if loaded is None:
        return seen
    inputs = loaded.named({name: values for name, values in seen.items() if name != PREDICTION})
    return loaded.fit(dict(inputs) | {name: seen[name] for name in predictions}, sample)


def _joined(parts: Sequence[Values]) -> Values:
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(arrays) == len(parts):
        return np.concatenate(arrays)
    # Numbers in one batch and unreadable texts in another: all are shown as texts.
    return [None if value is None else str(value) for part in parts for value in part]
