"""The rows of the window that users saw, each with its label: what somebody trains on."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np

from penstock_drift_monitor.detector.sample import Values, are_numbers
from penstock_drift_monitor.intake import MAX_TEXT, ReadableBatch, read_kept_batch
from penstock_drift_monitor.prediction import PredictionKind

Cell = float | int | str | None
_TOGETHER: Final = 1000
"""Rows that are held at a time, and at most one batch more."""
_SHORT_FLOATS: Final = {"FP16": np.float16, "FP32": np.float32}


@dataclass(frozen=True, kw_only=True)
class KeptRow:
    """One row of a request."""

    request_id: str
    """Empty: it had none."""
    row: int
    """Which of the request's rows."""
    at: float
    """Unix time in seconds when it was answered."""
    version: str
    inputs: dict[str, Cell]
    """By column; None is missing. An FP32 is the shortest number that is that FP32 again."""
    prediction: Cell
    label: str | None
    """In label_text's form; None: none has come."""
    lookup: str
    """The contract's RowLookup as JSON; empty: nothing was looked up for the row."""


@dataclass(frozen=True, kw_only=True)
class WindowQuery:
    """Which rows."""

    resource: int
    version: str | None = None
    """None: of every version that users saw."""
    labelled: bool | None = None
    """True: only rows with a label, False: only those without, None: all."""
    looked_up: bool = False
    """Only rows for which something was looked up in a feature store."""
    limit: int


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    number: int
    """Of a batch."""
    rows: int
    """The last so many of its rows that are asked for."""


@dataclass(frozen=True, kw_only=True)
class KeptRows:
    """A choice of rows: at most the limit, the newest ones, in the order in which they arrived.

    The choice holds no rows, and reads them a few batches at a time, each look with a connection of its own: whoever
    reads slowly keeps nothing in memory and does not keep SQLite's log from being cut. What the window lets go
    meanwhile is left out.
    """

    columns: tuple[str, ...]
    """Of the inputs of all batches. A row has those that its batch had."""
    _asked: WindowQuery
    _chosen: tuple[_Chosen, ...]
    _reader: Callable[[], sqlite3.Connection]

    def parts(self) -> Iterator[Sequence[KeptRow]]:
        """Give the rows, oldest first, some at a time and never none. Each part may be asked for in another thread."""
        waiting: list[_Chosen] = []
        for each in self._chosen:
            waiting.append(each)
            if each is self._chosen[-1] or sum(batch.rows for batch in waiting) >= _TOGETHER:
                part = self._read(waiting)
                waiting = []
                if part:
                    yield part

    def _read(self, batches: Sequence[_Chosen]) -> list[KeptRow]:
        found: list[KeptRow] = []
        with closing(self._reader()) as database:
            for batch in batches:
                kept = database.execute("SELECT body, last FROM batches WHERE id = ?", (batch.number,)).fetchone()
                if kept is not None:
                    found += _rows(database, self._asked, read_kept_batch(*kept))[-batch.rows :]
        return found


def kept_rows(reader: Callable[[], sqlite3.Connection], asked: WindowQuery) -> KeptRows:
    """Choose the newest rows that are asked for. `reader` opens the database for reading."""
    chosen: list[_Chosen] = []
    names: list[dict[str, None]] = []
    missing = asked.limit
    with closing(reader()) as database:
        # The numbers first: a cursor that stays open over all bodies would hold one instant of the database.
        numbers = database.execute(
            "SELECT id FROM batches WHERE resource = ? AND (? IS NULL OR arm IN "
            "(SELECT id FROM arms WHERE resource = ? AND version = ?)) ORDER BY id DESC",
            (asked.resource, asked.version, asked.resource, asked.version),
        ).fetchall()
        for (number,) in numbers:
            if missing <= 0:
                break
            kept = database.execute("SELECT body, last FROM batches WHERE id = ?", (number,)).fetchone()
            if kept is None:
                continue
            intake = read_kept_batch(*kept)
            rows = min(missing, sum(1 for _ in _places(database, asked, intake)))
            if rows:
                chosen.append(_Chosen(number=number, rows=rows))
                names.append(dict.fromkeys(intake.inputs))
                missing -= rows
    columns: dict[str, None] = {}
    for each in reversed(names):
        columns |= each
    return KeptRows(columns=tuple(columns), _asked=asked, _chosen=tuple(reversed(chosen)), _reader=reader)


@dataclass(frozen=True)
class _Place:
    """Where a row stands."""

    index: int
    """In the batch's columns."""
    request_id: str
    row: int
    at: float
    label: str | None
    lookup: str


def _places(database: sqlite3.Connection, asked: WindowQuery, intake: ReadableBatch) -> Iterator[_Place]:
    """Give the rows of a batch that users saw and that are asked for."""
    start = 0
    for run in intake.batch.runs:
        at, begin = min(run.at, intake.last), start
        for request in run.requests:
            for row in () if request.shadow else range(request.rows):
                lookup = run.lookups[start + row - begin] if run.lookups else ""
                if asked.looked_up and not lookup:
                    continue
                label = _label(database, asked.resource, request.id, row)
                if asked.labelled is None or asked.labelled == (label is not None):
                    yield _Place(start + row, request.id, row, at, label, lookup)
            start += request.rows


def _label(database: sqlite3.Connection, resource: int, request: str, row: int) -> str | None:
    if not 0 < len(request) <= MAX_TEXT:
        return None
    found = database.execute(
        "SELECT label FROM labels WHERE resource = ? AND request = ? AND row = ?", (resource, request, row)
    ).fetchone()
    return str(found[0]) if found else None


def _rows(database: sqlite3.Connection, asked: WindowQuery, intake: ReadableBatch) -> list[KeptRow]:
    places = list(_places(database, asked, intake))
    indices = [place.index for place in places]
    datatypes = {name: block.datatype for block in intake.batch.inputs for name in block.names}
    columns = {name: _cells(values, indices, datatypes[name]) for name, values in intake.inputs.items()}
    predictions = _predictions(intake, indices)
    return [
        KeptRow(
            request_id=place.request_id,
            row=place.row,
            at=place.at,
            version=intake.batch.version,
            inputs={name: cells[number] for name, cells in columns.items()},
            prediction=predictions[number],
            label=place.label,
            lookup=place.lookup,
        )
        for number, place in enumerate(places)
    ]


def _predictions(intake: ReadableBatch, indices: Sequence[int]) -> list[Cell]:
    found = intake.prediction
    if found is None:
        return [None] * len(indices)
    if found.kind is PredictionKind.LABEL and found.labels is not None:
        return [found.labels[index] or None for index in indices]
    return _cells(found.column, indices, "FP64")


def _cells(values: Values, indices: Sequence[int], datatype: str) -> list[Cell]:
    if not are_numbers(values):
        return [values[index] for index in indices]
    taken = values[list(indices)]
    if datatype in _SHORT_FLOATS:
        with np.errstate(over="ignore"):
            cells: list[Cell] = [float(str(value)) for value in taken.astype(_SHORT_FLOATS[datatype])]
    elif datatype == "FP64":
        cells = list(taken.tolist())
    else:
        return [int(value) for value in taken.tolist()]
    return [None if value != value else value for value in cells]  # noqa: PLR0124 - NaN
