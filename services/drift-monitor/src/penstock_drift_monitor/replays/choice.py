"""Which recorded requests a candidate is to answer: the newest that stable answered, each with another input."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from penstock_contracts.divergence import ReplayProblem
from penstock_contracts.drift import ServedVersion
from penstock_contracts.records import RecordBatch
from penstock_drift_monitor.intake import MAX_TEXT, input_values
from penstock_drift_monitor.replay_store import ChosenRequest

decode: Final = msgspec.msgpack.Decoder(RecordBatch).decode
"""A batch that was checked when it came."""


@dataclass(frozen=True, kw_only=True)
class ReplayChoice:
    """What is to be answered, the oldest first; where that is nothing, why."""

    requests: tuple[ChosenRequest, ...] = ()
    problem: ReplayProblem | None = None
    message: str = ""


def choose(
    database: sqlite3.Connection, resource: int, stable: ServedVersion, *, through: int, most: int
) -> ReplayChoice:
    """Choose at most that many. `through`: the last batch that may be looked at. `database`: opened for reading."""
    numbers = database.execute(
        "SELECT id FROM batches WHERE id <= ? AND arm IN "
        "(SELECT id FROM arms WHERE resource = ? AND version = ? AND digest = ?) ORDER BY id DESC",
        (through, resource, stable.version, stable.digest),
    ).fetchall()
    found: list[ChosenRequest] = []
    seen: set[int] = set()
    formless = 0
    for (number,) in numbers:
        kept = database.execute("SELECT body FROM batches WHERE id = ?", (number,)).fetchone()
        batch = decode(kept[0]) if kept else None
        if batch is None or batch.form is None:
            formless += batch is not None and any(True for _ in _of_users(number, batch))
            continue
        for each in reversed(list(_of_users(number, batch))):
            value = hash(input_values(batch, batch.runs[each.run], each.start, each.rows))
            if value not in seen:
                seen.add(value)
                found.append(each)
            if len(found) >= most:
                return ReplayChoice(requests=tuple(reversed(found)))
    return ReplayChoice(requests=tuple(reversed(found))) if found else _nothing(stable.version, formless=formless > 0)


def _of_users(number: int, batch: RecordBatch) -> Iterator[ChosenRequest]:
    """The requests of a batch whose answers users saw, and that have an id: both versions' answers meet by it."""
    for index, run in enumerate(batch.runs):
        start = 0
        for asked in run.requests:
            if asked.rows and not asked.shadow and 0 < len(asked.id) <= MAX_TEXT:
                yield ChosenRequest(request=asked.id, batch=number, run=index, start=start, rows=asked.rows)
            start += asked.rows


def _nothing(version: str, *, formless: bool) -> ReplayChoice:
    if formless:
        return ReplayChoice(
            problem=ReplayProblem.COLUMNS_NOT_RECORDED,
            message=(
                f"the records of version {version} lack columns of its inputs, or have hashes in their place: take "
                "these out of spec.predictor.logger, or take setReplay out (inputs that are no tables, and inputs of "
                "pods of an older release, are not recorded whole either)"
            ),
        )
    return ReplayChoice(
        problem=ReplayProblem.NOTHING_RECORDED,
        message=f"no request of a user that version {version} answered before this attempt is among the kept records",
    )
