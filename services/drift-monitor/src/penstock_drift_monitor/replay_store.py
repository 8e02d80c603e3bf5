"""Recorded requests that a candidate is to answer, and what became of each: a restart asks for none that is done."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from penstock_contracts.divergence import ReplayReport

TABLE: Final = """
CREATE TABLE IF NOT EXISTS replays (
    resource INTEGER NOT NULL, request TEXT NOT NULL, place INTEGER NOT NULL, batch INTEGER NOT NULL,
    run INTEGER NOT NULL, start INTEGER NOT NULL, row_count INTEGER NOT NULL, outcome TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (resource, request)) WITHOUT ROWID;
"""
ANSWERED: Final = "answered"
GONE: Final = "gone"
"""Outcomes beside which a word says how the candidate failed."""


@dataclass(frozen=True, kw_only=True)
class ChosenRequest:
    """A recorded request, and where its inputs stand."""

    request: str
    """Its id."""
    batch: int
    run: int
    """Of the batch, from 0."""
    start: int
    """The first of its rows in the run."""
    rows: int


class ReplayStore:
    """Methods run inside the writer's transactions."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Over an open database."""
        self._database = database

    def begin(self, resource: int, candidate: int | None, chosen: Sequence[ChosenRequest]) -> None:
        """Have these answered, in their order. `candidate`: its arm; None: nothing of it was ever recorded.

        What it answered to them as copies in an earlier attempt is forgotten: so its answers count once more.
        """
        self.forget(resource)
        self._database.executemany(
            "INSERT INTO replays (resource, request, place, batch, run, start, row_count) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (resource, each.request, place, each.batch, each.run, each.start, each.rows)
                for place, each in enumerate(chosen)
            ],
        )
        if candidate is not None:
            self._database.executemany(
                "DELETE FROM answers WHERE request = ? AND arm = ? AND shadow = 1",
                [(each.request, candidate) for each in chosen],
            )

    def forget(self, resource: int) -> None:
        """Have none answered."""
        self._database.execute("DELETE FROM replays WHERE resource = ?", (resource,))

    def holds(self, resource: int, request: str) -> bool:
        """Whether a request is one of them."""
        found = self._database.execute(
            "SELECT 1 FROM replays WHERE resource = ? AND request = ?", (resource, request)
        ).fetchone()
        return found is not None

    def note(self, resource: int, outcomes: Mapping[str, str]) -> None:
        """Note what became of requests, by their ids. What was noted stays."""
        self._database.executemany(
            "UPDATE replays SET outcome = ? WHERE resource = ? AND request = ? AND outcome = ''",
            [(outcome, resource, request) for request, outcome in outcomes.items() if outcome],
        )

    def report(self, resource: int) -> ReplayReport:
        """Give how many of them ended how."""
        ended = dict(
            self._database.execute(
                "SELECT outcome, COUNT(*) FROM replays WHERE resource = ? GROUP BY outcome", (resource,)
            ).fetchall()
        )
        failures = {outcome: count for outcome, count in ended.items() if outcome not in {"", ANSWERED, GONE}}
        return ReplayReport(
            chosen=sum(ended.values()),
            answered=ended.get(ANSWERED, 0),
            failed=sum(failures.values()),
            failures=failures,
            gone=ended.get(GONE, 0),
        )


def waiting(database: sqlite3.Connection, resource: int, most: int) -> list[ChosenRequest]:
    """Read the next requests that are still to be answered. `database`: opened for reading."""
    rows = database.execute(
        "SELECT request, batch, run, start, row_count FROM replays WHERE resource = ? AND outcome = '' "
        "ORDER BY place LIMIT ?",
        (resource, most),
    ).fetchall()
    return [
        ChosenRequest(request=request, batch=batch, run=run, start=start, rows=count)
        for request, batch, run, start, count in rows
    ]
