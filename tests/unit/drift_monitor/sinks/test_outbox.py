"""Which batches wait for which sink, and what is counted when they cannot wait any longer."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from penstock_contracts.records import RecordBatch, RecordBlock, RecordedRequest, RecordedRun
from penstock_drift_monitor.database import open_database, open_for_reading
from penstock_drift_monitor.intake import ReadableBatch, read_batch
from penstock_drift_monitor.outbox import Outbox, Waiting, body_of, remove_outbox, waiting_for


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def intake(number: int, rows: int = 10) -> ReadableBatch:
    run = RecordedRun(
        at=1.0, requests=(RecordedRequest("r", rows, False),), inputs=(bytes(4 * rows),), outputs=(bytes(4 * rows),)
    )
    batch = RecordBatch(
        namespace="shop",
        name="fraud",
        digest="sha256:0",
        version="1",
        revision="fraud-1",
        sender="pod",
        number=number,
        inputs=(RecordBlock(("amount",), "FP32"),),
        outputs=(RecordBlock(("score",), "FP32"),),
        runs=(run,),
    )
    return read_batch(msgspec.msgpack.encode(batch), now=10.0, max_rows=100)


SIZE = len(intake(1).body)


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    return open_database(tmp_path, 4 * 2**20)


def looked(folder: Path, sink: str) -> Waiting:
    return waiting_for(lambda: open_for_reading(folder), sink, 100)


def test_a_batch_goes_when_every_sink_has_it(database: sqlite3.Connection, tmp_path: Path) -> None:
    outbox = Outbox(database, ["events", "files"], 2**20)
    for number in (1, 2, 3):
        outbox.put(intake(number))
    outbox.passed("events", 3)
    outbox.passed("files", 1)
    assert [batch.number for batch in looked(tmp_path, "files").batches] == [2, 3]
    assert looked(tmp_path, "events").rows == 0
    assert [body_of(database, number) is None for number in (1, 2, 3)] == [True, False, False]


def test_a_sink_goes_on_where_it_was_and_a_new_one_begins_now(database: sqlite3.Connection, tmp_path: Path) -> None:
    before = Outbox(database, ["events"], 2**20)
    before.put(intake(1))
    before.put(intake(2))
    before.passed("events", 1)
    epoch = looked(tmp_path, "events").epoch
    Outbox(database, ["events", "files"], 2**20).put(intake(3))
    assert [batch.number for batch in looked(tmp_path, "events").batches] == [2, 3]
    assert looked(tmp_path, "events").epoch == epoch
    assert [batch.number for batch in looked(tmp_path, "files").batches] == [3]


def test_what_is_too_much_goes_oldest_first_and_counts_only_for_sinks_that_lack_it(
    database: sqlite3.Connection, tmp_path: Path
) -> None:
    outbox = Outbox(database, ["events", "files"], 3 * SIZE)
    for number in (1, 2, 3):
        outbox.put(intake(number))
    outbox.passed("events", 1)
    outbox.put(intake(4))
    outbox.put(intake(5))
    events, files = looked(tmp_path, "events"), looked(tmp_path, "files")
    assert (events.evicted, files.evicted) == (10, 20)
    assert [batch.number for batch in events.batches] == [batch.number for batch in files.batches] == [3, 4, 5]


def test_what_is_too_old_goes(database: sqlite3.Connection, tmp_path: Path) -> None:
    clock = Clock()
    outbox = Outbox(database, ["events"], 2**20, clock=clock)
    outbox.put(intake(1))
    clock.now = 900.0  # the clock was set back: time does not run backwards here
    outbox.put(intake(2))
    clock.now = 2000.0
    outbox.put(intake(3))
    assert [batch.came for batch in looked(tmp_path, "events").batches] == [1000.0, 1000.0, 2000.0]
    outbox.expire(1500.0)
    waiting = looked(tmp_path, "events")
    assert (waiting.evicted, waiting.rows, waiting.oldest) == (20, 10, 2000.0)


def test_after_a_rollback_the_bound_still_holds(database: sqlite3.Connection, tmp_path: Path) -> None:
    outbox = Outbox(database, ["events"], 2 * SIZE)
    database.execute("BEGIN")
    outbox.put(intake(1))
    database.execute("ROLLBACK")
    outbox.forget_count()
    for number in (1, 2, 3):
        outbox.put(intake(number))
    assert (looked(tmp_path, "events").rows, looked(tmp_path, "events").evicted) == (20, 10)


def test_removed_with_the_last_sink(database: sqlite3.Connection) -> None:
    Outbox(database, ["events"], 2**20).put(intake(1))
    assert remove_outbox(database) == 10
    assert remove_outbox(database) == 0
