"""The SQLite file: its tables, and how it is opened."""

import sqlite3
from pathlib import Path
from typing import Final

from penstock_drift_monitor.course.store import TABLES as COURSE_TABLES
from penstock_drift_monitor.errors import VolumeUnsuitable
from penstock_drift_monitor.replay_store import TABLE as REPLAY_TABLE

FILE: Final = "monitor.sqlite"
_VERSION = 1
_BUSY_SECONDS = 5.0
_TABLES = """
CREATE TABLE resources (
    id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, wish TEXT, UNIQUE (namespace, name));
CREATE TABLE arms (
    id INTEGER PRIMARY KEY, resource INTEGER NOT NULL, digest TEXT NOT NULL, version TEXT NOT NULL,
    held INTEGER NOT NULL DEFAULT 0, seen REAL NOT NULL DEFAULT 0, UNIQUE (resource, digest, version));
CREATE TABLE senders (
    resource INTEGER NOT NULL, sender TEXT NOT NULL, number INTEGER NOT NULL, dropped INTEGER NOT NULL,
    seen REAL NOT NULL, PRIMARY KEY (resource, sender)) WITHOUT ROWID;
CREATE TABLE batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT, resource INTEGER NOT NULL, arm INTEGER NOT NULL, first REAL NOT NULL,
    last REAL NOT NULL, row_count INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX batches_of_resource ON batches (resource, id);
CREATE INDEX batches_of_arm ON batches (arm, id);
CREATE TABLE answers (
    id INTEGER PRIMARY KEY, arm INTEGER NOT NULL, request TEXT NOT NULL, row INTEGER NOT NULL, score REAL,
    answer TEXT, shadow INTEGER NOT NULL, at REAL NOT NULL);
CREATE UNIQUE INDEX answers_of_request ON answers (request, row, arm);
CREATE INDEX answers_of_arm ON answers (arm, id);
CREATE TABLE labels (
    id INTEGER PRIMARY KEY, resource INTEGER NOT NULL, request TEXT NOT NULL, row INTEGER NOT NULL, label TEXT NOT NULL,
    received REAL NOT NULL, joined INTEGER NOT NULL, UNIQUE (resource, request, row));
CREATE TABLE states (
    resource INTEGER NOT NULL, subject TEXT NOT NULL, fingerprint TEXT NOT NULL, through INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (resource, subject)) WITHOUT ROWID;
CREATE TABLE samples (digest TEXT PRIMARY KEY, path TEXT NOT NULL, columns TEXT NOT NULL, body BLOB NOT NULL);
"""
_LATER_TABLES = """
CREATE TABLE IF NOT EXISTS divergences (
    resource INTEGER PRIMARY KEY, wish TEXT NOT NULL, asked REAL NOT NULL, counts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS paired_qualities (
    resource INTEGER PRIMARY KEY, wish TEXT NOT NULL, asked REAL NOT NULL, counts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS skews (resource INTEGER PRIMARY KEY, at REAL NOT NULL, comparison TEXT NOT NULL);
"""


def open_database(folder: Path, max_bytes: int) -> sqlite3.Connection:
    """Open the file for the one thread that writes; make the tables where there are none.

    A transaction is on the disk when its commit returns (`synchronous=FULL`). Raises VolumeUnsuitable.
    """
    try:
        connection = sqlite3.connect(
            folder / FILE, isolation_level=None, timeout=_BUSY_SECONDS, check_same_thread=False, cached_statements=256
        )
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = OFF")
        (page,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute(f"PRAGMA max_page_count = {max_bytes // page}")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            connection.executescript(f"BEGIN;{_TABLES}PRAGMA user_version = {_VERSION};COMMIT;")
        if version in {0, _VERSION}:
            _add_later_tables(connection)
    except sqlite3.Error as error:
        raise VolumeUnsuitable(
            f"{folder / FILE} cannot be opened ({error}): check the volume's space and file system; a damaged file can "
            "be moved away, then the monitor begins anew"
        ) from error
    if mode != "wal":
        raise VolumeUnsuitable(
            f"{folder / FILE}: SQLite keeps no write-ahead log there (it answers {mode}); give the monitor a volume "
            "with a local file system"
        )
    if version not in {0, _VERSION}:
        raise VolumeUnsuitable(
            f"{folder / FILE} has format {version}, this monitor knows {_VERSION}: run the newer monitor, or move the "
            "file away to begin anew"
        )
    return connection


def _add_later_tables(connection: sqlite3.Connection) -> None:
    """Add what files of the first monitors lack. An older monitor passes it by, so the format keeps its number."""
    connection.executescript(f"BEGIN;{COURSE_TABLES}{_LATER_TABLES}{REPLAY_TABLE}COMMIT;")
    if "came" not in {column[1] for column in connection.execute("PRAGMA table_info(arms)")}:
        connection.execute("ALTER TABLE arms ADD COLUMN came INTEGER NOT NULL DEFAULT 0")


def open_for_reading(folder: Path) -> sqlite3.Connection:
    """Another connection, for one look of one thread; it never holds up the writer."""
    connection = sqlite3.connect(folder / FILE, isolation_level=None, timeout=_BUSY_SECONDS)
    connection.execute("PRAGMA query_only = ON")
    return connection
