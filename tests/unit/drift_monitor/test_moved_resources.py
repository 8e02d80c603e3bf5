"""What becomes of a resource that another replica holds now."""

import sqlite3
from pathlib import Path

import pytest

from penstock_contracts.drift import DriftWish, ServedVersion
from penstock_drift_monitor.database import open_database
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.label_store import LabelStore
from penstock_drift_monitor.ledger import Ledger, LedgerBounds
from penstock_drift_monitor.tidying import tidy

WISH = DriftWish(stable=ServedVersion(version="1", digest="sha256:0", revision="r"))
BOUNDS = LedgerBounds(window_rows=100, resources=10, versions=2)


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    return open_database(tmp_path, 2**24)


def ledger(database: sqlite3.Connection) -> Ledger:
    return Ledger(database, BOUNDS, LabelStore(database, retention_seconds=100, max_waiting=10), "monitor-0")


def step(database: sqlite3.Connection, now: float) -> None:
    tidy(database, now=now, retention_seconds=100, max_bytes=2**24)


def test_it_is_watched_no_more_and_its_rows_go_with_their_age(database: sqlite3.Connection) -> None:
    kept = ledger(database)
    for name in ("stays", "moves"):
        kept.wish("shop", name, WISH, 1000)
    (number,) = database.execute("SELECT id FROM resources WHERE name = 'moves'").fetchone()
    database.execute("INSERT INTO senders VALUES (?, 'pod', 1, 0, 1000)", (number,))
    assert kept.give_up(lambda _, name: name == "stays") == ("shop/moves",)
    assert list(kept.wishes()) == [("shop", "stays")]
    with pytest.raises(UnknownResource):
        kept.report("shop", "moves")

    step(database, now=1050)
    assert database.execute("SELECT COUNT(*) FROM senders").fetchone() == (1,)
    kept.wish("shop", "moves", WISH, 1050)
    assert database.execute("SELECT id FROM resources WHERE name = 'moves'").fetchone() == (number,)

    kept.give_up(lambda _, name: name == "stays")
    for now in (1101, 1102):
        step(database, now)
    assert database.execute("SELECT name FROM resources").fetchall() == [("stays",)]
