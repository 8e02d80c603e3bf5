"""Loads the reference samples that wishes name, in the background, and hands them to the ledger."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from penstock_contracts.drift import DriftWish
from penstock_drift_monitor.errors import NoRoom
from penstock_drift_monitor.judging import LoadedReference
from penstock_drift_monitor.ledger import Ledger, kept_sample
from penstock_drift_monitor.model_store import KeptSample, ModelStore, NoSample, SampleUnavailable
from penstock_drift_monitor.reference_sample import BadReference, read_sample
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry
from penstock_drift_monitor.writer import Writer

_log = logging.getLogger(__name__)
_AT_ONCE = 2
"""Samples being loaded: each may take some hundred MiB for a moment."""
_SETTLED_SECONDS = 600.0
"""After which a version without a readable sample is looked at again, when it is still wished for."""
_LEAST_ROWS = 100
"""Of a sample. By fewer, any live data would look far from it."""
_ANY_MARGIN = 0.05
Key = tuple[str, float]
"""Digest and margin."""


@dataclass(frozen=True, kw_only=True)
class FetchPace:
    """Times in seconds."""

    fetch: float
    first: float
    longest: float


class Samples:
    """One task for each sample that is wanted and not here."""

    def __init__(
        self,
        store: ModelStore,
        writer: Writer,
        telemetry: DriftMonitorTelemetry,
        pace: FetchPace,
        reader: Callable[[], sqlite3.Connection],
    ) -> None:
        """`reader` opens the database for reading."""
        self._store = store
        self._writer = writer
        self._telemetry = telemetry
        self._pace = pace
        self._reader = reader
        self._wanted: dict[tuple[str, str, str], frozenset[Key]] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._settled: dict[Key, float] = {}
        self._turn = asyncio.Semaphore(_AT_ONCE)

    def want(self, namespace: str, name: str, wish: DriftWish | None) -> None:
        """Have the samples of a wish loaded; None: the resource is gone."""
        digests = {each.digest for each in (wish.stable, *wish.others)} if wish else ()
        self._want((namespace, name, "drift"), frozenset((digest, wish.margin) for digest in digests if wish))

    def want_scale(self, namespace: str, name: str, digest: str | None) -> None:
        """Have the sample loaded by which differences of predictions are measured; None: it is not needed any more."""
        self._want((namespace, name, "scale"), frozenset([(digest, _ANY_MARGIN)] if digest else []))

    def _want(self, by: tuple[str, str, str], wanted: frozenset[Key]) -> None:
        if wanted:
            self._wanted[by] = wanted
        else:
            self._wanted.pop(by, None)
        keys = frozenset().union(*self._wanted.values())
        for key in self._tasks.keys() - keys:
            self._tasks.pop(key).cancel()
            self._settled.pop(key, None)
        now = asyncio.get_running_loop().time()
        for key in keys:
            due = self._settled.get(key)
            if key not in self._tasks or (self._tasks[key].done() and due is not None and now >= due):
                self._settled.pop(key, None)
                self._tasks[key] = asyncio.create_task(self._bring(key), name=f"sample {key[0]}")

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._store.close()

    async def _bring(self, key: Key) -> None:
        delay = self._pace.first
        while True:
            try:
                async with self._turn:
                    loaded = await self._load(key)
                await self._writer.do(partial(_judge_by, loaded))
            except (NoSample, BadReference) as error:
                self._settled[key] = asyncio.get_running_loop().time() + _SETTLED_SECONDS
                await self._say(key[0], str(error), try_again=False)
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may succeed
                await self._say(key[0], str(error) or type(error).__name__, try_again=True)
            else:
                _log.info("reference sample is here", extra={"digest": key[0], "rows": loaded.rows})
                return
            await asyncio.sleep(delay)
            delay = min(self._pace.longest, delay * 2)

    async def _load(self, key: Key) -> LoadedReference:
        digest, margin = key
        sample = await asyncio.to_thread(self._kept, digest)
        if sample is None:
            try:
                async with asyncio.timeout(self._pace.fetch):
                    sample = await self._store.sample(digest)
            except TimeoutError as error:
                raise SampleUnavailable(f"the model store took more than {self._pace.fetch:g} s") from error
            loaded = await asyncio.to_thread(_binned, digest, margin, sample)
            keep = partial(_keep, digest, sample)
            try:
                await self._writer.do(keep)
            except NoRoom as error:
                _log.warning("the reference sample could not be kept, it is loaded again after a restart: %s", error)
            return loaded
        return await asyncio.to_thread(_binned, digest, margin, sample)

    def _kept(self, digest: str) -> KeptSample | None:
        with closing(self._reader()) as database:
            return kept_sample(database, digest)

    async def _say(self, digest: str, why: str, *, try_again: bool) -> None:
        self._telemetry.sample_failed()
        _log.warning("no reference sample: %s", why, extra={"digest": digest, "tried_again": try_again})
        try:
            await self._writer.do(lambda ledger: ledger.reference_missing(digest, why, try_again=try_again))
        except NoRoom:
            return  # the report says that it is being loaded


def _binned(digest: str, margin: float, sample: KeptSample) -> LoadedReference:
    columns = read_sample(sample.path, sample.body, sample.types())
    try:
        loaded = LoadedReference.of(digest, margin, columns)
    except ValueError as error:
        raise BadReference(f"{sample.path}: {error}") from error
    if loaded.rows < _LEAST_ROWS:
        raise BadReference(
            f"{sample.path} has {loaded.rows} rows, which say too little of their law: log 2,000 or more, at the least "
            f"{_LEAST_ROWS}"
        )
    return loaded


def _judge_by(loaded: LoadedReference, ledger: Ledger) -> None:
    ledger.reference_came(loaded)


def _keep(digest: str, sample: KeptSample, ledger: Ledger) -> None:
    ledger.sample(digest, sample.path, sample.columns, sample.body)
