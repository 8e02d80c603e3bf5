"""Batches that wait for sinks: kept whole in the database, bounded, each sink with a mark of its own."""

import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import msgspec

from penstock_drift_monitor.errors import VolumeUnsuitable
from penstock_drift_monitor.intake import ReadableBatch

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, came REAL NOT NULL, row_count INTEGER NOT NULL, size INTEGER NOT NULL,
    namespace TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL, form BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS outbox_bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sinks (
    name TEXT PRIMARY KEY, epoch TEXT NOT NULL, through INTEGER NOT NULL, evicted INTEGER NOT NULL) WITHOUT ROWID;
"""
_STEP_BYTES: Final = 8 * 2**20
"""Of bodies removed in one transaction, so that no batch waits long behind it."""
_STEP_BATCHES: Final = 256
_encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A batch that waits, without its body."""

    number: int
    """In the order in which batches were committed."""
    came: float
    """Unix seconds by the monitor's clock; never less than that of the batch before."""
    rows: int
    size: int
    """Bytes of the body."""
    namespace: str
    name: str
    version: str
    form: bytes
    """Equal where the columns are the same ones."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What a sink has before it."""

    epoch: str
    """Of the numbers: another one means that they began anew."""
    rows: int
    """Of all batches that wait."""
    oldest: float | None
    """When the oldest of them came."""
    evicted: int
    """Rows that went before this sink had them, since it was configured."""
    batches: tuple[Outgoing, ...]
    """The oldest ones."""


class Outbox:
    """Methods run inside the writer's transactions."""

    def __init__(
        self,
        database: sqlite3.Connection,
        sinks: Sequence[str],
        max_bytes: int,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep what comes from now on for sinks of those names; a sink that was known goes on where it was.

        Beyond `max_bytes` of bodies the oldest batches go, sent or not. Raises VolumeUnsuitable.
        """
        self._database = database
        self._max_bytes = max_bytes
        self._clock = clock
        self._held: int | None = None
        try:
            database.executescript(f"BEGIN IMMEDIATE;{_TABLES}COMMIT;")
            database.execute("BEGIN IMMEDIATE")
            self._open(sinks)
            database.execute("COMMIT")
        except sqlite3.Error as error:
            raise VolumeUnsuitable(
                f"the database cannot keep records for sinks ({error}): give its volume more space, or ask for no sink"
            ) from error

    def _open(self, sinks: Sequence[str]) -> None:
        for (known,) in self._database.execute("SELECT name FROM sinks").fetchall():
            if known not in sinks:
                self._database.execute("DELETE FROM sinks WHERE name = ?", (known,))
        found = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").fetchone()
        self._database.executemany(
            "INSERT OR IGNORE INTO sinks VALUES (?, ?, ?, 0)",
            [(name, secrets.token_hex(4), found[0] if found else 0) for name in sinks],
        )
        (newest,) = self._database.execute("SELECT MAX(came) FROM outbox").fetchone()
        self._newest = float(newest or 0)

    def put(self, intake: ReadableBatch) -> None:
        """Keep a batch for every sink."""
        batch = intake.batch
        self._newest = max(self._newest, self._clock())
        number = self._database.execute(
            "INSERT INTO outbox (came, row_count, size, namespace, name, version, form) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self._newest,
                intake.rows,
                len(intake.body),
                batch.namespace,
                batch.name,
                batch.version,
                _encode((batch.inputs, batch.outputs)),
            ),
        ).lastrowid
        self._database.execute("INSERT INTO outbox_bodies VALUES (?, ?)", (number, intake.body))
        held = self._counted()
        self._held = held if self._held is None else held + len(intake.body)
        self._remove_passed()
        while self._held > self._max_bytes:
            (oldest,) = self._database.execute("SELECT MIN(id) FROM outbox").fetchone()
            self._evict(oldest)
            self._remove_passed()

    def passed(self, sink: str, number: int) -> None:
        """Note that a sink has all batches up to that one."""
        self._database.execute("UPDATE sinks SET through = MAX(through, ?) WHERE name = ?", (number, sink))
        self._remove_passed()

    def expire(self, oldest: float) -> None:
        """Let batches go that came before that time (Unix seconds), sent or not."""
        (number,) = self._database.execute("SELECT MAX(id) FROM outbox WHERE came < ?", (oldest,)).fetchone()
        if number is not None:
            self._evict(number)
        self._remove_passed()

    def forget_count(self) -> None:
        """After a rollback: what was counted did not happen."""
        self._held = None

    def _counted(self) -> int:
        if self._held is None:
            (held,) = self._database.execute("SELECT TOTAL(size) FROM outbox").fetchone()
            return int(held)
        return self._held

    def _evict(self, number: int) -> None:
        """Move every sink's mark to that batch at the least; count what it did not have."""
        self._database.execute(
            "UPDATE sinks SET through = ?1, evicted = evicted + "
            "(SELECT COALESCE(SUM(row_count), 0) FROM outbox WHERE id > sinks.through AND id <= ?1) WHERE through < ?1",
            (number,),
        )

    def _remove_passed(self) -> None:
        """Remove a step's worth of what every sink has."""
        held = self._counted()
        rows = self._database.execute(
            "SELECT id, size FROM outbox WHERE id <= (SELECT MIN(through) FROM sinks) ORDER BY id LIMIT ?",
            (_STEP_BATCHES,),
        ).fetchall()
        removed = 0
        for number, size in rows:
            for table in ("outbox", "outbox_bodies"):
                self._database.execute(f"DELETE FROM {table} WHERE id = ?", (number,))  # noqa: S608 - our own names
            removed += size
            if removed >= _STEP_BYTES:
                break
        self._held = held - removed


def remove_outbox(database: sqlite3.Connection) -> int:
    """Where no sink is configured: remove what an earlier one left. Answers the rows that waited."""
    if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'outbox'").fetchone():
        return 0
    (rows,) = database.execute(
        "SELECT TOTAL(row_count) FROM outbox WHERE id > (SELECT COALESCE(MIN(through), 0) FROM sinks)"
    ).fetchone()
    database.executescript("BEGIN;DROP TABLE outbox;DROP TABLE outbox_bodies;DROP TABLE sinks;COMMIT;")
    return int(rows)


def waiting_for(reader: Callable[[], sqlite3.Connection], sink: str, limit: int) -> Waiting:
    """Look at what waits for a sink, `limit` batches at most. `reader` opens the database for reading."""
    with closing(reader()) as database:
        database.execute("BEGIN")  # one instant for all three questions
        epoch, through, evicted = database.execute(
            "SELECT epoch, through, evicted FROM sinks WHERE name = ?", (sink,)
        ).fetchone()
        rows, oldest = database.execute(
            "SELECT TOTAL(row_count), MIN(came) FROM outbox WHERE id > ?", (through,)
        ).fetchone()
        found = database.execute(
            "SELECT id, came, row_count, size, namespace, name, version, form FROM outbox WHERE id > ? "
            "ORDER BY id LIMIT ?",
            (through, limit),
        ).fetchall()
        database.execute("COMMIT")
    fields = ("number", "came", "rows", "size", "namespace", "name", "version", "form")
    return Waiting(
        epoch=epoch,
        rows=int(rows),
        oldest=oldest,
        evicted=evicted,
        batches=tuple(Outgoing(**dict(zip(fields, row, strict=True))) for row in found),
    )


def body_of(database: sqlite3.Connection, number: int) -> bytes | None:
    """Give a batch's body; None: it was evicted meanwhile."""
    found = database.execute("SELECT body FROM outbox_bodies WHERE id = ?", (number,)).fetchone()
    return found[0] if found else None
