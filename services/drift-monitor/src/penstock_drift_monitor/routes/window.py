"""Where somebody who trains fetches what users sent, with its labels."""

import asyncio
import csv
import io
import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from penstock_drift_monitor.kept_rows import Cell, KeptRow, KeptRows, WindowQuery, kept_rows
from penstock_drift_monitor.routes.resources import ResourceName
from penstock_drift_monitor.timestamps import rfc3339
from penstock_drift_monitor.writer import Writer

MAX_ROWS: Final = 100_000
"""Of one answer."""
_BEFORE: Final = ("request_id", "row", "at", "version")
_AFTER: Final = ("prediction", "label")
_LOOKUP: Final = "lookup"


def window_routes(writer: Writer, reader: Callable[[], sqlite3.Connection]) -> APIRouter:
    """The window of a resource; one is chosen at a time. `reader` opens the database for reading."""
    router = APIRouter(prefix="/v1", tags=["window"])
    turn = asyncio.Semaphore(1)

    @router.get(
        "/window/{namespace}/{name}",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": {}, "application/json": {}}}},
    )
    async def window(
        namespace: ResourceName,
        name: ResourceName,
        *,
        version: str | None = None,
        labelled: bool | None = None,
        lookups: bool = False,
        limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = MAX_ROWS,
        accept: Annotated[str, Header()] = "",
    ) -> StreamingResponse:
        """Give the newest rows that users saw, in order of arrival, as CSV or, where that is accepted, as JSON.

        Columns: request_id, row, at, version, each input, prediction, label. `labelled`: only rows with a label, or
        only those without one. `lookups`: only rows for which columns were looked up in a feature store, with a last
        column `lookup` that says by which keys, and of which time. An input that bears one of the other names stands as
        `input.NAME`.
        """
        resource = await writer.do(lambda ledger: ledger.known(namespace, name))
        asked = WindowQuery(resource=resource, version=version, labelled=labelled, looked_up=lookups, limit=limit)
        after = (*_AFTER, *([_LOOKUP] if lookups else []))
        async with turn:
            rows = await asyncio.to_thread(kept_rows, reader, asked)
        if "application/json" in accept and "text/csv" not in accept:
            return StreamingResponse(_json(rows, after), media_type="application/json")
        return StreamingResponse(_csv(rows, after), media_type="text/csv")

    return router


def _csv(rows: KeptRows, after: Sequence[str]) -> Iterator[str]:
    """CSV as RFC 4180 has it, with a header; a missing value is empty."""
    names = _names(rows.columns, after)
    yield _lines([[*_BEFORE, *names.values(), *after]])
    for part in rows.parts():
        yield _lines(
            [
                [*_before(row), *(row.inputs.get(name) for name in names), *_after(row, row.prediction, after)]
                for row in part
            ]
        )


def _lines(records: Sequence[Sequence[Cell]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(records)
    return text.getvalue()


def _json(rows: KeptRows, after: Sequence[str]) -> Iterator[str]:
    """One array of objects. What JSON has no number for is a text: "inf"."""
    names = _names(rows.columns, after)
    between = "["
    for part in rows.parts():
        yield between + ",\n".join(
            json.dumps(_record(row, names, after), ensure_ascii=False, allow_nan=False) for row in part
        )
        between = ",\n"
    yield "]" if between != "[" else "[]"


def _record(row: KeptRow, names: Mapping[str, str], after: Sequence[str]) -> dict[str, Cell]:
    inputs = {shown: _value(row.inputs.get(name)) for name, shown in names.items()}
    last = dict(zip(after, _after(row, _value(row.prediction), after), strict=True))
    return dict(zip(_BEFORE, _before(row), strict=True)) | inputs | last


def _after(row: KeptRow, prediction: Cell, after: Sequence[str]) -> tuple[Cell, ...]:
    return (prediction, row.label, *([row.lookup] if _LOOKUP in after else []))


def _before(row: KeptRow) -> tuple[Cell, ...]:
    at = rfc3339(row.at, "milliseconds")
    return (row.request_id, row.row, at, row.version)


def _value(cell: Cell) -> Cell:
    return str(cell) if isinstance(cell, float) and not math.isfinite(cell) else cell


def _names(columns: Sequence[str], after: Sequence[str]) -> dict[str, str]:
    """Each input's name as it is shown: unlike every other."""
    taken = {*_BEFORE, *after, *columns}
    shown: dict[str, str] = {}
    for name in columns:
        given = name
        if name in {*_BEFORE, *after}:
            while given in taken:
                given = f"input.{given}"
            taken.add(given)
        shown[name] = given
    return shown
