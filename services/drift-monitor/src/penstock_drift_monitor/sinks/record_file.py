"""Records as a Parquet file: which batches go into one, its columns, its place. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from itertools import takewhile
from typing import Final
from urllib.parse import quote

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from penstock_contracts.records import RecordBatch
from penstock_drift_monitor.outbox import Outgoing
from penstock_drift_monitor.sinks.recorded_columns import RecordedColumn, places, recorded_columns

MOST_BYTES: Final = 32 * 2**20
"""Of batches in one file: what is more goes into another of the same minute."""
_LONGEST: Final = 180
"""Characters of a folder's name; file systems know 255."""
_KEPT: Final = 120


def of_one_period(waiting: Sequence[Outgoing], now: float, seconds: float) -> Sequence[Outgoing]:
    """Give the batches of the oldest period, when it is over at `now` (Unix seconds), else none."""
    if not waiting:
        return ()
    period = waiting[0].came // seconds
    if (period + 1) * seconds > now:
        return ()
    return tuple(takewhile(lambda batch: batch.came // seconds == period, waiting))


def by_file(batches: Sequence[Outgoing]) -> list[list[Outgoing]]:
    """Divide batches among files: of one version, with the same columns, and no more bytes than a file may have.

    The same batches are always divided alike, so that a file that is written again takes its own place.
    """
    files: list[list[Outgoing]] = []
    current: dict[tuple[str, str, str, bytes], tuple[list[Outgoing], int]] = {}
    for batch in batches:
        key = (batch.namespace, batch.name, batch.version, batch.form)
        file, size = current.get(key, ([], 0))
        if not file or size + batch.size > MOST_BYTES:
            file, size = [], 0
            files.append(file)
        file.append(batch)
        current[key] = (file, size + batch.size)
    return files


def path_of(file: Sequence[Outgoing], epoch: str) -> str:
    """Place of a file below the sink's root: partitions as Hive names them, by the UTC day when its batches came."""
    first = file[0]
    came = datetime.fromtimestamp(first.came, UTC)
    folders = (("namespace", first.namespace), ("name", first.name), ("version", first.version))
    path = "/".join(f"{key}={_segment(value)}" for key, value in folders)
    return f"{path}/date={came:%Y-%m-%d}/{came:%H%M}-{epoch}-{first.number}.parquet"


def table_of(batches: Sequence[tuple[RecordBatch, float]]) -> pa.Table:
    """Make a row for each row that was recorded. `batches`: of one file, at least one, and when each came."""
    return pa.concat_tables([_table(*each) for each in batches])


def encoded(table: pa.Table) -> bytes:
    """Give the file's bytes."""
    file = BytesIO()
    pq.write_table(table, file, compression="zstd")
    return file.getvalue()


def _table(batch: RecordBatch, came: float) -> pa.Table:
    found = places(batch, came)
    counts = [place.request.rows for place in found]
    rows = sum(counts)
    starts = np.repeat([place.start for place in found], counts)
    times = np.repeat(np.array([round(place.at * 1e6) for place in found], dtype=np.int64), counts)
    inputs, outputs = recorded_columns(batch)
    columns: dict[str, pa.Array] = {
        "request_id": pa.array(
            [place.request.id for place in found for _ in range(place.request.rows)], type=pa.string()
        ),
        "row": pa.array(np.arange(rows) - starts, type=pa.int32()),
        "at": pa.array(times, type=pa.timestamp("us", tz="UTC")),
        "shadow": pa.array(np.repeat([place.request.shadow for place in found], counts), type=pa.bool_()),
        "digest": _same(batch.digest, rows),
        "revision": _same(batch.revision, rows),
        "sender": _same(batch.sender, rows),
        "batch": pa.array(np.full(rows, batch.number, dtype=np.int64)),
        **_prefixed("input", inputs),
        **_prefixed("output", outputs),
    }
    return pa.table(columns)


def _same(value: str, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, type=pa.string()), rows)


def _prefixed(prefix: str, columns: Mapping[str, RecordedColumn]) -> dict[str, pa.Array]:
    return {f"{prefix}_{name}": _array(column) for name, column in columns.items()}


def _array(column: RecordedColumn) -> pa.Array:
    if not isinstance(column.values, np.ndarray):
        return pa.array(column.values, type=pa.string())
    values = np.ascontiguousarray(column.values)
    # Few readers know half floats.
    return pa.array(values.astype(np.float32) if values.dtype == np.float16 else values)


def _segment(value: str) -> str:
    name = quote(value, safe="")
    if len(name) <= _LONGEST:
        return name
    return f"{name[:_KEPT]}~{hashlib.sha256(value.encode(errors='surrogatepass')).hexdigest()[:32]}"
