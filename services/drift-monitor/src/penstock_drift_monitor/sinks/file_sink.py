"""Parquet files in an object store, or in a folder."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

import pyarrow as pa  # type: ignore[import-untyped]
from pyarrow.fs import FileSystem, LocalFileSystem  # type: ignore[import-untyped]

from penstock_drift_monitor.outbox import Outgoing, body_of
from penstock_drift_monitor.sinks.record_file import by_file, encoded, of_one_period, path_of, table_of
from penstock_drift_monitor.sinks.recorded_columns import decode
from penstock_drift_monitor.sinks.sink import SendResult, SinkAway

WRITING: Final = "_writing"
"""Folder of files that are not whole yet; readers of partitions pass over names that begin so."""


class FileSink:
    """Writes the batches of one period, then of the next. A period written again takes its own files' places."""

    name = "parquet"

    def __init__(
        self, url: str, reader: Callable[[], sqlite3.Connection], *, period_seconds: float, seconds: float
    ) -> None:
        """`url`: s3://bucket/folder, gs://bucket/folder or file:///folder. `seconds`: for one file to be written."""
        self._url = url
        self._reader = reader
        self._period = period_seconds
        self._seconds = seconds
        # A thread of its own: a store that hangs must not take one that intake needs.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self._place: tuple[FileSystem, str] | None = None
        self._done: set[str] = set()
        """Files of the period that is being written."""

    def next(self, waiting: Sequence[Outgoing], now: float) -> Sequence[Outgoing]:
        """Choose the batches of one period that is over."""
        return of_one_period(waiting, now, self._period)

    async def send(self, epoch: str, batches: Sequence[Outgoing]) -> SendResult:
        """Write their files. Raises SinkAway."""
        files = {path_of(file, epoch): file for file in by_file(batches)}
        self._done &= files.keys()
        for path, file in files.items():
            if path not in self._done:
                await self._write(path, file)
                self._done.add(path)
        return SendResult(sum(batch.rows for batch in batches))

    async def close(self) -> None:
        """Let the thread go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _write(self, path: str, file: Sequence[Outgoing]) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._seconds):
                await loop.run_in_executor(self._pool, self._write_now, path, file)
        except TimeoutError as error:
            raise SinkAway(f"Parquet: {path} took more than {self._seconds:g} s: check the store's address") from error
        except (OSError, pa.ArrowException) as error:
            self._place = None  # credentials may have changed
            raise SinkAway(
                f"Parquet: {path} could not be written: {error}: check URL, credentials and rights (put, get, delete)"
            ) from error

    def _write_now(self, path: str, file: Sequence[Outgoing]) -> None:
        with closing(self._reader()) as database:
            bodies = [(body_of(database, batch.number), batch.came) for batch in file]
        here = [(decode(body), came) for body, came in bodies if body is not None]
        if not here:
            return
        body = encoded(table_of(here))
        if self._place is None:
            self._place = FileSystem.from_uri(_in_one_request(self._url))
        system, root = self._place
        final, draft = f"{root}/{path}", f"{root}/{WRITING}/{path.rsplit('/', 1)[1]}"
        local = isinstance(system, LocalFileSystem)
        if local:  # a store makes folders by itself
            for folder in (draft, final):
                system.create_dir(folder.rsplit("/", 1)[0], recursive=True)
        with system.open_output_stream(draft) as stream:
            stream.write(body)
        if local:
            _to_disk(draft)
        system.move(draft, final)
        if local:
            _to_disk(final.rsplit("/", 1)[0])


def _in_one_request(url: str) -> str:
    """Have S3 take a small file by one PUT: by default the library begins a multipart upload for each."""
    if not url.startswith("s3:") or "allow_delayed_open=" in url:
        return url
    return f"{url}{'&' if '?' in url else '?'}allow_delayed_open=true"


def _to_disk(path: str) -> None:
    """Have a file or a folder's entries on the disk, as the mark will be."""
    descriptor = os.open(Path(path), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
