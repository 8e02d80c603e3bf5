"""The one thread that writes. Requests that wait share a transaction, and each is answered after its commit."""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from penstock_drift_monitor.errors import MonitorError, NoRoom
from penstock_drift_monitor.ledger import Ledger
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry
from penstock_drift_monitor.tidying import Removed, give_back, tidy, used_bytes, volume_of

T = TypeVar("T")
_TOGETHER = 256
"""Requests that share a transaction at most."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _WriteRequest:
    action: Callable[[Ledger], Any]
    future: Future[Any]


@dataclass(frozen=True, kw_only=True)
class Tidiness:
    """When and how the database is tidied."""

    every_seconds: float
    retention_seconds: float
    max_bytes: int


class Writer:
    """Owns the ledger from start() to stop()."""

    def __init__(
        self,
        ledger: Ledger,
        telemetry: DriftMonitorTelemetry,
        tidiness: Tidiness,
        *,
        queue_size: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives Unix seconds. At most `queue_size` requests wait."""
        self._ledger = ledger
        self._database = ledger.database
        self._telemetry = telemetry
        self._tidiness = tidiness
        self._clock = clock
        self._queue: queue.Queue[_WriteRequest | None] = queue.Queue(queue_size)
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._stopping = False
        self._next_tidying = 0.0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    @property
    def works(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    async def do(self, action: Callable[[Ledger], T]) -> T:
        """Run an action in a transaction; its result, once that is committed.

        Raises NoRoom when too much waits or the disk takes nothing, else what the action raises.
        """
        return await asyncio.wrap_future(self.submit(action))

    def submit(self, action: Callable[[Ledger], T]) -> Future[T]:
        """Have an action run; see do()."""
        job: _WriteRequest = _WriteRequest(action, Future())
        if self._stopping:
            raise NoRoom("the monitor is ending: send it again")
        try:
            self._queue.put_nowait(job)
        except queue.Full as error:
            raise NoRoom("too many requests wait for the disk: send it again in some seconds") from error
        return job.future

    def stop(self) -> None:
        """Finish what waits, then close the database."""
        self._stopping = True
        if self.works:
            self._queue.put(None)
            self._thread.join()

    def _run(self) -> None:
        while True:
            jobs, ending = self._next_jobs()
            if jobs:
                self._work(jobs)
            if not ending and self._clock() >= self._next_tidying:
                self._tidy()
            if ending:
                break
        try:
            self._database.close()
        except sqlite3.Error:
            _log.exception("the database could not be closed; it is whole all the same")

    def _next_jobs(self) -> tuple[list[_WriteRequest], bool]:
        try:
            first = self._queue.get(timeout=max(0.0, min(self._next_tidying - self._clock(), 3600.0)))
        except queue.Empty:
            return [], False
        jobs: list[_WriteRequest] = []
        while first is not None:
            jobs.append(first)
            if len(jobs) >= _TOGETHER:
                break
            try:
                first = self._queue.get_nowait()
            except queue.Empty:
                break
        return jobs, first is None

    def _work(self, jobs: list[_WriteRequest]) -> None:
        jobs = [job for job in jobs if job.future.set_running_or_notify_cancel()]
        began = time.perf_counter()
        try:
            outcomes = self._transaction(jobs)
        except Exception as error:  # noqa: BLE001 - it is the answer to those who wait
            self._undo()
            refusal = self._refusal(error)
            for job in jobs:
                job.future.set_exception(refusal)
            return
        self._telemetry.committed(time.perf_counter() - began)
        for job, outcome in zip(jobs, outcomes, strict=True):
            if isinstance(outcome, Exception):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(outcome[0])

    def _transaction(self, jobs: list[_WriteRequest]) -> list[tuple[Any] | Exception]:
        self._database.execute("BEGIN IMMEDIATE")
        outcomes = [self._one(job) for job in jobs]
        self._ledger.save_judges()
        self._database.execute("COMMIT")
        return outcomes

    def _one(self, job: _WriteRequest) -> tuple[Any] | Exception:
        """Run one job; what it did is taken back when it fails, and the others go on."""
        self._database.execute("SAVEPOINT job")
        try:
            outcome: tuple[Any] | Exception = (job.action(self._ledger),)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - it is the answer to this job's sender
            if not isinstance(error, MonitorError):
                _log.exception("a request failed")
            self._database.execute("ROLLBACK TO job")
            self._ledger.forget_judges()
            outcome = error
        self._database.execute("RELEASE job")
        return outcome

    def _undo(self) -> None:
        try:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
        except sqlite3.Error:
            _log.exception("a failed transaction could not be taken back by hand; SQLite does it at the next one")
        self._ledger.forget_judges()

    def _refusal(self, error: Exception) -> Exception:
        self._telemetry.commit_failed()
        if not isinstance(error, sqlite3.Error):
            _log.error("a transaction failed", exc_info=error)
            return error
        _log.error("the database takes nothing: %s", error, extra={"sqlite": getattr(error, "sqlite_errorname", "")})
        return NoRoom(
            f"the monitor's disk takes nothing ({error}): send it again later; give its volume more space, or raise "
            "PENSTOCK_MAX_BYTES"
        )

    def _tidy(self) -> None:
        self._next_tidying = self._clock() + self._tidiness.every_seconds
        try:
            self._database.execute("BEGIN IMMEDIATE")
            removed = tidy(
                self._database,
                now=self._clock(),
                retention_seconds=self._tidiness.retention_seconds,
                max_bytes=self._tidiness.max_bytes,
            )
            if self._ledger.outbox is not None:
                self._ledger.outbox.expire(self._clock() - self._tidiness.retention_seconds)
            self._ledger.tidied()
            self._database.execute("COMMIT")
            give_back(self._database)
        except sqlite3.Error as error:
            self._undo()
            _log.warning("the database could not be tidied: %s: tried again", error)
            return
        self._tell(removed)
        if removed.more:
            self._next_tidying = self._clock()

    def _tell(self, removed: Removed) -> None:
        self._telemetry.removed(removed)
        self._telemetry.holds(used_bytes(self._database), self._ledger.labels.waiting())
        self._telemetry.volume_is(*volume_of(self._database))
