"""Labels in the database: what becomes of each, and how they meet their records."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from penstock_contracts.labels import LabelOutcome
from penstock_drift_monitor.intake import AnsweredRow

_MAX_EXAMPLES = 10


@dataclass(frozen=True, kw_only=True)
class ReadLabel:
    """A label in the form it is kept in."""

    request: str
    row: int
    label: str
    at: float | None
    """Unix seconds when the request was served; None: the sender does not know."""


@dataclass(frozen=True)
class ReadLabels:
    """Labels of one request, those that are none already counted."""

    labels: Sequence[ReadLabel]
    invalid: int = 0
    examples: tuple[str, ...] = ()


class LabelStore:
    """Methods run inside the writer's transactions."""

    def __init__(self, database: sqlite3.Connection, *, retention_seconds: float, max_waiting: int) -> None:
        """Over an open database; at most `max_waiting` labels wait for their record."""
        self._database = database
        self._retention = retention_seconds
        self._max_waiting = max_waiting
        self._waiting: int | None = None

    def take(
        self, resource: int, read: ReadLabels, now: float, joined: Callable[[ReadLabel], None] = lambda _: None
    ) -> LabelOutcome:
        """Keep labels of a resource; count what became of each. `joined` is told of each that met its record."""
        counts = dict.fromkeys(("joined", "waiting", "repeated", "conflicting", "too_late", "no_room"), 0)
        examples = list(read.examples)
        for label in read.labels:
            outcome, why = self._take(resource, label, now)
            counts[outcome] += 1
            if outcome == "joined":
                joined(label)
            if why and len(examples) < _MAX_EXAMPLES:
                examples.append(why)
        return LabelOutcome(**counts, invalid=read.invalid, examples=tuple(examples))

    def _take(self, resource: int, label: ReadLabel, now: float) -> tuple[str, str]:
        key = (resource, label.request, label.row)
        known = self._database.execute(
            "SELECT label FROM labels WHERE resource = ? AND request = ? AND row = ?", key
        ).fetchone()
        if known is not None:
            if known[0] == label.label:
                return "repeated", ""
            said = f"id {label.request[:80]!r} row {label.row}: {label.label[:80]!r} came, {known[0][:80]!r} stands"
            return "conflicting", said
        served = self._served(resource, label)
        if served is not None and served < now - self._retention:
            return "too_late", ""
        (joined,) = self._database.execute(
            "SELECT EXISTS (SELECT 1 FROM answers WHERE request = ? AND row = ? "
            "AND arm IN (SELECT id FROM arms WHERE resource = ?))",
            (label.request, label.row, resource),
        ).fetchone()
        if not joined and self.waiting() >= self._max_waiting:
            return "no_room", ""
        self._database.execute(
            "INSERT INTO labels (resource, request, row, label, received, joined) VALUES (?, ?, ?, ?, ?, ?)",
            (*key, label.label, now, joined),
        )
        if joined:
            return "joined", ""
        self._waiting = self.waiting() + 1
        return "waiting", ""

    def _served(self, resource: int, label: ReadLabel) -> float | None:
        (at,) = self._database.execute(
            "SELECT MAX(at) FROM answers WHERE request = ? AND row = ? "
            "AND arm IN (SELECT id FROM arms WHERE resource = ?)",
            (label.request, label.row, resource),
        ).fetchone()
        return label.at if at is None else float(at)

    def records_came(self, resource: int, rows: Iterable[AnsweredRow]) -> None:
        """Join labels that waited for these rows."""
        if not self.waiting():
            return
        joined = self._database.executemany(
            "UPDATE labels SET joined = 1 WHERE resource = ? AND request = ? AND row = ? AND joined = 0",
            [(resource, each.request, each.row) for each in rows],
        ).rowcount
        self._waiting = self.waiting() - max(0, joined)

    def waiting(self) -> int:
        """How many labels wait for their record."""
        if self._waiting is None:
            (self._waiting,) = self._database.execute("SELECT COUNT(*) FROM labels WHERE joined = 0").fetchone()
        return self._waiting or 0

    def forget_count(self) -> None:
        """Count anew when next asked: labels were removed, or a transaction was rolled back."""
        self._waiting = None
