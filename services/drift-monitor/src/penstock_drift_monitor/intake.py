"""A batch of records as it is judged and kept: decoded, checked, by column. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from penstock_contracts.records import RecordBatch, RecordBlock, RecordedRun
from penstock_drift_monitor.detector.sample import Sample, Values
from penstock_drift_monitor.errors import TooLarge, Unreadable
from penstock_drift_monitor.prediction import Output, PredictionColumn, Table, prediction_of

PREDICTION: Final = "prediction"
"""Name of the prediction's column, here and in the reference sample."""
MAX_TEXT: Final = 512
"""Characters of a name, a sender or a request id."""
NUMBERS: Final = {
    "BOOL": "<u1",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
_TEXT: Final = "BYTES"
_ANY_NUMBER: Final = 2**31
_DECODER: Final = msgspec.msgpack.Decoder(RecordBatch)


@dataclass(frozen=True, kw_only=True)
class AnsweredRow:
    """A row that a label can name."""

    request: str
    row: int
    score: float | None
    answer: str | None
    shadow: bool
    at: float
    """Unix time in seconds."""


@dataclass(frozen=True, kw_only=True)
class ReadableBatch:
    """A readable batch."""

    batch: RecordBatch
    body: bytes
    """As it came: what is kept of it."""
    rows: int
    users: npt.NDArray[np.bool_]
    """For each row: a user saw the answer."""
    inputs: Sample
    """Empty: the model's tensors have no columns."""
    prediction: PredictionColumn | None
    answered: tuple[AnsweredRow, ...]
    unnamed: int
    """Rows whose request has no id, or one too long: no label can name them."""
    first: float
    last: float
    """Unix times of the first and last run."""

    def seen_by_users(self) -> dict[str, Values]:
        """The input columns of the rows that count for the resource."""
        return {name: self.only_users(values) for name, values in self.inputs.items()}

    def only_users(self, values: Values) -> Values:
        """Those of a column's values that belong to rows that users saw."""
        return _only(values, self.users)

    def predictions(self) -> Sample:
        """The prediction's column of all rows; empty: there is none."""
        return {} if self.prediction is None else {PREDICTION: self.prediction.column}


def read_batch(body: bytes, *, now: float, max_rows: int) -> ReadableBatch:
    """Decode and check the body of `POST /v1/records`.

    A run that claims to lie in the future counts as of `now` (Unix seconds). Raises Unreadable, naming the field, and
    TooLarge for more than `max_rows` rows.
    """
    try:
        batch = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"the body is no RecordBatch in MessagePack: {error}: predictor and monitor differ") from error
    _check_names(batch)
    counts = [sum(request.rows for request in run.requests) for run in batch.runs]
    rows = sum(counts)
    if rows > max_rows:
        raise TooLarge(f"the batch has {rows} rows, more than {max_rows}: send smaller batches")
    inputs = _columns(batch.inputs, _tables(batch, "inputs", counts))
    tables = _tables(batch, "outputs", counts)
    prediction = prediction_of(
        [Output(block.datatype.startswith("FP"), table) for block, table in zip(batch.outputs, tables, strict=True)]
    )
    times = [min(run.at, now) for run in batch.runs] or [now]
    answered = _answered(batch, times, prediction)
    shadows = [(request.shadow, request.rows) for run in batch.runs for request in run.requests]
    flags = np.array([shadow for shadow, _ in shadows], dtype=np.bool_)
    return ReadableBatch(
        batch=batch,
        body=body,
        rows=rows,
        users=~np.repeat(flags, [size for _, size in shadows]) if shadows else np.zeros(0, dtype=np.bool_),
        inputs=inputs,
        prediction=prediction,
        answered=answered,
        unnamed=rows - len(answered),
        first=min(times),
        last=max(times),
    )


def read_kept_batch(body: bytes, last: float) -> ReadableBatch:
    """Decode a batch that was checked when it came. `last`: Unix seconds of its newest row, as it was kept."""
    return read_batch(body, now=last, max_rows=_ANY_NUMBER)


def input_values(batch: RecordBatch, run: RecordedRun, start: int, rows: int) -> tuple[bytes | tuple[str, ...], ...]:
    """Give what a run has in each input block for so many rows from one on: bytes of numbers, or texts."""
    parts: list[bytes | tuple[str, ...]] = []
    for block, values in zip(batch.inputs, run.inputs, strict=True):
        width = len(block.names)
        if isinstance(values, bytes):
            width *= np.dtype(NUMBERS[block.datatype]).itemsize
            parts.append(values[start * width : (start + rows) * width])
        else:
            parts.append(tuple(values[start * width : (start + rows) * width]))
    return tuple(parts)


def _check_names(batch: RecordBatch) -> None:
    for field in ("namespace", "name", "digest", "version", "sender"):
        text = getattr(batch, field)
        if not 0 < len(text) <= MAX_TEXT:
            raise Unreadable(f"{field}: {text[:40]!r} has {len(text)} characters: it must have 1 to {MAX_TEXT}")
    if not 0 < batch.number < 2**63 or not 0 <= batch.dropped < 2**63:
        raise Unreadable(f"number {batch.number}, dropped {batch.dropped}: numbers of batches begin at 1")
    for run in batch.runs:
        if not math.isfinite(run.at) or not 0 <= run.at < 2**40:
            raise Unreadable(f"runs: at {run.at}: it must be a Unix time in seconds")
        if any(not 0 <= request.rows < 2**31 for request in run.requests):
            raise Unreadable("runs: a request has a negative or impossible number of rows")
        if run.lookups and len(run.lookups) != sum(request.rows for request in run.requests):
            raise Unreadable(f"runs: {len(run.lookups)} lookups: it must be one for each row, or none")
    for place, blocks in (("inputs", batch.inputs), ("outputs", batch.outputs)):
        _check_blocks(place, blocks)


def _check_blocks(place: str, blocks: Sequence[RecordBlock]) -> None:
    names = [name for block in blocks for name in block.names]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Unreadable(f"{place}: column {twice[:80]!r} occurs twice: name each column once")
    for block in blocks:
        if block.datatype != _TEXT and block.datatype not in NUMBERS:
            raise Unreadable(f"{place}: datatype {block.datatype[:40]!r} is not known: {', '.join(NUMBERS)}, {_TEXT}")


def _tables(batch: RecordBatch, place: str, counts: Sequence[int]) -> list[Table]:
    """Values of each block over all runs."""
    blocks: tuple[RecordBlock, ...] = getattr(batch, place)
    for index, run in enumerate(batch.runs):
        if len(_values(run, place)) != len(blocks):
            raise Unreadable(f"run {index}: {len(_values(run, place))} {place}, the batch names {len(blocks)} blocks")
    return [
        _table(block, [_values(run, place)[index] for run in batch.runs], counts, f"{place}, block {index}")
        for index, block in enumerate(blocks)
    ]


def _values(run: RecordedRun, place: str) -> tuple[bytes | list[str], ...]:
    return run.inputs if place == "inputs" else run.outputs


def _table(block: RecordBlock, parts: Sequence[bytes | list[str]], counts: Sequence[int], where: str) -> Table:
    width = len(block.names)
    if block.datatype == _TEXT:
        texts = [part for part in parts if isinstance(part, list)]
        if len(texts) != len(parts) or any(len(t) != n * width for t, n in zip(texts, counts, strict=True)):
            raise Unreadable(f"{where}: not as many texts as rows times {width} columns")
        flat = list(chain.from_iterable(texts))
        return [flat[start : start + width] for start in range(0, len(flat), width)] if width else []
    dtype = np.dtype(NUMBERS[block.datatype])
    raw = [part for part in parts if isinstance(part, bytes)]
    if len(raw) != len(parts) or any(len(r) != n * width * dtype.itemsize for r, n in zip(raw, counts, strict=True)):
        raise Unreadable(f"{where}: not as many bytes as rows times {width} columns of {block.datatype}")
    if not width:
        return np.zeros((sum(counts), 0))
    with np.errstate(all="ignore"):
        return np.frombuffer(b"".join(raw), dtype=dtype).astype(np.float64).reshape(-1, width)


def _columns(blocks: Sequence[RecordBlock], tables: Sequence[Table]) -> dict[str, Values]:
    found: dict[str, Values] = {}
    for block, table in zip(blocks, tables, strict=True):
        for index, name in enumerate(block.names):
            if isinstance(table, list):
                found[name] = [row[index] or None for row in table]
            else:
                found[name] = table[:, index]
    return found


def _answered(
    batch: RecordBatch, times: Sequence[float], prediction: PredictionColumn | None
) -> tuple[AnsweredRow, ...]:
    if prediction is None:
        return ()
    scores, answers = list(prediction.scores()), prediction.labels
    found: list[AnsweredRow] = []
    start = 0
    for run, at in zip(batch.runs, times, strict=False):
        for request in run.requests:
            if 0 < len(request.id) <= MAX_TEXT:
                found += [
                    AnsweredRow(
                        request=request.id,
                        row=row,
                        score=scores[start + row],
                        answer=answers[start + row] if answers else None,
                        shadow=request.shadow,
                        at=at,
                    )
                    for row in range(request.rows)
                ]
            start += request.rows
    return tuple(found)


def _only(values: Values, chosen: npt.NDArray[np.bool_]) -> Values:
    if isinstance(values, np.ndarray):
        return values[chosen]
    return [value for value, keep in zip(values, chosen.tolist(), strict=True) if keep]
