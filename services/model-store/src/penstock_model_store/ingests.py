"""Who is asked for, who is being fetched, and what came of it."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from penstock_contracts.model_card import Digest, IngestPhase, IngestStatus
from penstock_model_store.blobs import Blobs
from penstock_model_store.errors import ArtifactRefused, Failed, StoreFault, disk_error
from penstock_model_store.telemetry import ModelStoreTelemetry
from penstock_model_store.version_index import VersionEntry, VersionIndex, VersionKey

_log = logging.getLogger(__name__)
_MOST_FAILURES = 1000
"""Failures remembered, the oldest forgotten first: only their back-off is lost."""


class QueueFull(Exception):
    """Too many versions wait already."""


class Ingestion(Protocol):
    """Makes a digest of a version."""

    async def ingest(self, key: VersionKey, created_at_ms: int) -> Digest:
        """Raises IngestError."""
        ...


@dataclass(frozen=True, kw_only=True)
class BackOff:
    """Seconds between tries of a failed ingest: doubled each time, up to `longest`."""

    first: float
    longest: float

    def after(self, attempts: int) -> float:
        """Seconds to wait after that many failures."""
        return min(self.first * 2.0 ** min(attempts - 1, 30), self.longest)


@dataclass(frozen=True, kw_only=True)
class _IngestRequest:
    key: VersionKey
    created_at_ms: int


@dataclass(frozen=True, kw_only=True)
class _Failure:
    job: _IngestRequest
    error: Failed
    attempts: int
    due: float


@dataclass
class _IngestState:
    """What is not on the disk: forgotten at a restart, after which versions are simply asked for again."""

    active: dict[VersionKey, _IngestRequest] = field(default_factory=dict)
    failures: OrderedDict[VersionKey, _Failure] = field(default_factory=OrderedDict)


class Ingests:
    """Takes wishes, works them off in the background, and answers how far each is. Lives on one event loop."""

    def __init__(
        self,
        *,
        ingestion: Ingestion,
        blobs: Blobs,
        index: VersionIndex,
        telemetry: ModelStoreTelemetry,
        clock: Callable[[], float],
        queue_size: int,
        workers: int,
        back_off: BackOff,
    ) -> None:
        self._ingestion = ingestion
        self._blobs = blobs
        self._index = index
        self._telemetry = telemetry
        self._clock = clock
        self._queue: asyncio.Queue[_IngestRequest] = asyncio.Queue(queue_size)
        self._workers = workers
        self._back_off = back_off
        self._memory = _IngestState()

    async def ask(self, key: VersionKey, created_at_ms: int) -> IngestStatus:
        """Wish for a version; answers at once how far it is.

        Raises QueueFull.
        """
        job = _IngestRequest(key=key, created_at_ms=created_at_ms)
        settled = await self._settled(self._index.find(key, created_at_ms))
        if settled is not None:
            return settled
        failure = self._failure(job)
        if self._memory.active.get(key) != job and (failure is None or failure.due <= self._clock()):
            self._enqueue(job)
        return self._unsettled(job)

    async def status(self, key: VersionKey) -> IngestStatus | None:
        """Tell how far a version is, and try a failed one again when it is time; None: never asked for."""
        if key in self._memory.active:
            return self._unsettled(self._memory.active[key])
        if key in self._memory.failures:
            return await self.ask(key, self._memory.failures[key].job.created_at_ms)
        return await self._settled(self._index.find(key))

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _settled(self, entry: VersionEntry | None) -> IngestStatus | None:
        if entry is None:
            return None
        if entry.digest is None:
            return IngestStatus(phase=IngestPhase.REFUSED, reason=entry.reason, message=entry.message)
        card = await asyncio.to_thread(self._blobs.card, entry.digest)
        return None if card is None else IngestStatus(phase=IngestPhase.READY, card=card)

    def _failure(self, job: _IngestRequest) -> _Failure | None:
        failure = self._memory.failures.get(job.key)
        return failure if failure and failure.job == job else None

    def _unsettled(self, job: _IngestRequest) -> IngestStatus:
        """While a failed ingest is tried again, the answer keeps saying why it failed."""
        failure = self._failure(job)
        active = self._memory.active.get(job.key) == job
        return IngestStatus(
            phase=IngestPhase.PENDING if active else IngestPhase.FAILED,
            reason=failure.error.reason if failure else "",
            message=str(failure.error) if failure else "waiting to be fetched and checked",
        )

    def _enqueue(self, job: _IngestRequest) -> None:
        try:
            self._queue.put_nowait(job)
        except asyncio.QueueFull as error:
            raise QueueFull(f"{self._queue.maxsize} versions wait to be fetched: ask again later") from error
        self._memory.active[job.key] = job

    async def _work(self) -> None:
        while True:
            job = await self._queue.get()
            if self._memory.active.get(job.key) == job:
                await self._ingest(job)

    async def _ingest(self, job: _IngestRequest) -> None:
        try:
            entry = await self._entry(job)
            if self._memory.active.get(job.key) == job:
                await asyncio.to_thread(self._index.record, entry)
        except Failed as error:
            self._fail(job, error)
        except OSError as error:
            self._fail(job, disk_error(error))
        except Exception as error:  # noqa: BLE001 - the outermost loop: one version's surprise must not end the worker.
            _log.exception("ingest broke")
            self._fail(job, StoreFault(f"the store failed on {job.key}: {error}; see its log"))
        else:
            self._settle(job, entry)

    async def _entry(self, job: _IngestRequest) -> VersionEntry:
        known = {**vars(job.key), "created_at_ms": job.created_at_ms}
        try:
            return VersionEntry(**known, digest=await self._ingestion.ingest(job.key, job.created_at_ms))
        except ArtifactRefused as error:
            return VersionEntry(**known, reason=error.reason, message=str(error))

    def _settle(self, job: _IngestRequest, entry: VersionEntry) -> None:
        if self._memory.active.get(job.key) == job:
            del self._memory.active[job.key]
            self._memory.failures.pop(job.key, None)
        phase = IngestPhase.READY if entry.digest else IngestPhase.REFUSED
        self._note(job, phase, entry.reason, entry.digest or entry.message)

    def _fail(self, job: _IngestRequest, error: Failed) -> None:
        if self._memory.active.get(job.key) == job:
            del self._memory.active[job.key]
            before = self._memory.failures.pop(job.key, None)
            attempts = before.attempts + 1 if before and before.job == job else 1
            due = self._clock() + self._back_off.after(attempts)
            self._memory.failures[job.key] = _Failure(job=job, error=error, attempts=attempts, due=due)
            if len(self._memory.failures) > _MOST_FAILURES:
                self._memory.failures.popitem(last=False)
        self._note(job, IngestPhase.FAILED, error.reason, str(error))

    def _note(self, job: _IngestRequest, phase: IngestPhase, reason: str, message: str) -> None:
        self._telemetry.ingest_ended(phase, reason, self._blobs.held())
        fields = {**vars(job.key), "phase": phase.value, "reason": reason, "detail": message}
        _log.info("ingest ended", extra=fields)
