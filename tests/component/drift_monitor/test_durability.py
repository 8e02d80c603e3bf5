"""Killed at any moment, or with a full disk: nothing that was acknowledged is lost, and nothing counts twice."""

import resource
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx

from penstock_contracts.drift import DriftVerdict

from .conftest import FileStore, Monitor, StartMonitor
from .traffic import WISH, batch, files


def rows_kept(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "data" / "monitor.sqlite")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (answers,) = database.execute("SELECT COUNT(*) FROM answers").fetchone()
        (distinct,) = database.execute("SELECT COUNT(*) FROM (SELECT DISTINCT request, row FROM answers)").fetchone()
    assert answers == distinct
    return int(answers)


def post_until_it_dies(monitor: Monitor, number: int) -> int:
    """Number of the first batch that was not acknowledged."""
    with httpx.Client(base_url=f"http://127.0.0.1:{monitor.port}", timeout=30, trust_env=False) as client:
        while True:
            try:
                answer = client.post("/v1/records", content=batch(number, rows=50))
            except httpx.TransportError:
                return number
            assert answer.status_code == httpx.codes.NO_CONTENT
            number += 1


def test_killed_while_batches_come_nothing_acknowledged_is_lost_and_none_counts_twice(
    start_monitor: StartMonitor, store: FileStore, tmp_path: Path
) -> None:
    store.files = files()
    number, judged = 1, 0
    for kill in range(10):
        monitor = start_monitor()
        monitor.watch(WISH)
        monitor.has_reference()
        assert monitor.drift().rows >= judged, "the detector went on from where it was"
        first = number
        killer = threading.Timer(0.2 + kill / 20, monitor.process.kill)
        killer.start()
        number = post_until_it_dies(monitor, first)
        monitor.process.wait(60)
        kept = rows_kept(tmp_path)
        # The one without an answer may be there: its answer was lost, not it.
        assert kept in {50 * (number - 1), 50 * number}
        judged = 50 * (number - 1)
    monitor = start_monitor()
    assert monitor.post(batch(number, rows=50)).status_code == httpx.codes.NO_CONTENT
    assert monitor.post(batch(number, rows=50)).status_code == httpx.codes.NO_CONTENT
    monitor.has_reference()
    assert monitor.drift().rows == 50 * number
    monitor.stop()
    assert rows_kept(tmp_path) == 50 * number


def test_bets_go_on_after_a_restart_without_the_store(start_monitor: StartMonitor, store: FileStore) -> None:
    store.files = files()
    monitor = start_monitor(window_rows="100")
    monitor.watch(WISH)
    monitor.has_reference()
    for number in range(1, 21):
        monitor.post(batch(number, shift=1.0))
    before = monitor.drift()
    assert any(column.verdict is DriftVerdict.DRIFT for column in before.columns)
    assert monitor.stop() == -signal.SIGTERM
    store.files = {}
    again = start_monitor(window_rows="100")
    again.has_reference()
    assert again.drift() == before


def test_a_full_disk_is_told_with_503_and_nothing_is_corrupt(
    start_monitor: StartMonitor, store: FileStore, tmp_path: Path
) -> None:
    store.files = files()
    limit = 3 * 2**20

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    monitor = start_monitor(small_disk)
    monitor.watch(WISH)
    monitor.has_reference()
    number, answer = 0, httpx.Response(204)
    while answer.status_code == httpx.codes.NO_CONTENT:
        number += 1
        assert number < 1000, "the disk never filled"
        answer = monitor.post(batch(number, rows=500, at=time.time()))
    assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert "disk" in answer.json()["error"]
    assert answer.headers["retry-after"]
    assert monitor.client.get("/health/ready").status_code == httpx.codes.OK
    assert monitor.drift().rows == 500 * (number - 1)
    resource.prlimit(monitor.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert monitor.post(batch(number, rows=500, at=time.time())).status_code == httpx.codes.NO_CONTENT
    assert monitor.drift().rows == 500 * number
    assert monitor.stop() == -signal.SIGTERM
    assert rows_kept(tmp_path) == 500 * number


def test_a_database_at_its_bound_refuses_until_old_answers_have_gone(
    start_monitor: StartMonitor, store: FileStore, tmp_path: Path
) -> None:
    monitor = start_monitor(max_bytes=str(4 * 2**20), window_rows="500", tidy_seconds="0.2")
    number, refused = 0, 0
    for number in range(1, 161):
        while monitor.post(batch(number, rows=500, at=time.time())).status_code == httpx.codes.SERVICE_UNAVAILABLE:
            refused += 1
            assert refused < 1000, "it never takes anything again"
            time.sleep(0.1)
    assert monitor.stop() == -signal.SIGTERM
    assert (tmp_path / "data" / "monitor.sqlite").stat().st_size <= 4 * 2**20
    assert 0 < rows_kept(tmp_path) < 500 * number


def test_a_folder_that_cannot_be_written_is_said_at_the_start(start_monitor: StartMonitor, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    monitor = start_monitor()
    assert monitor.process.returncode == 1
    assert "cannot be written" in monitor.log.read_text()
