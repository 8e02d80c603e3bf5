"""The pool: who died is replaced, and whoever is left ends with the first process."""

import os
import signal
import subprocess
import sys
import time

import pytest

from penstock_predictor.errors import WorkersDie
from penstock_predictor.workers import WorkerPool

PATIENCE = 20
"""Seconds until something that must happen is given up."""


def start(code: str) -> int:
    """A child process that runs this code, and does so already; the pool waits for it."""
    process = subprocess.Popen([sys.executable, "-c", f"print(flush=True)\n{code}"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.returncode = 0
    return process.pid


def sleeper() -> int:
    return start("import time; time.sleep(60)")


def gone(pid: int) -> bool:
    """Whether it ended and somebody waited for it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def never(worker: int) -> int:
    raise AssertionError(f"worker {worker} was replaced")


def until_replaced(pool: WorkerPool, replaced: list[int], number: int) -> None:
    end = time.monotonic() + PATIENCE
    while len(replaced) < number:
        assert time.monotonic() < end
        pool.replace_dead()


def test_a_worker_that_died_is_replaced_under_its_number() -> None:
    replaced: list[int] = []

    def replace(worker: int) -> int:
        replaced.append(worker)
        return sleeper()

    pool = WorkerPool(replace)
    pids = [sleeper(), sleeper()]
    for number, pid in enumerate(pids, 1):
        pool.add(number, pid)
    os.kill(pids[1], signal.SIGKILL)
    until_replaced(pool, replaced, 1)
    assert replaced == [2]
    pool.pass_signal(signal.SIGTERM)
    pool.wait(PATIENCE)
    assert all(gone(pid) for pid in pids)
    assert replaced == [2]


def test_workers_that_die_again_and_again_are_given_up() -> None:
    replaced: list[int] = []

    def replace(worker: int) -> int:
        replaced.append(worker)
        return start("")

    pool = WorkerPool(replace)
    pool.add(1, start(""))
    with pytest.raises(WorkersDie, match="6 workers died within 60 s"):
        until_replaced(pool, replaced, 6)
    assert replaced == [1] * 5


def test_who_does_not_end_is_killed() -> None:
    pool = WorkerPool(never)
    pid = start("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)")
    pool.add(1, pid)
    pool.pass_signal(signal.SIGTERM)
    pool.wait(0)
    assert gone(pid)


def test_telling_one_that_is_gone_tells_the_others() -> None:
    pool = WorkerPool(never)
    ended, lives = start(""), sleeper()
    pool.add(1, ended)
    pool.add(2, lives)
    os.waitpid(ended, 0)
    pool.pass_signal(signal.SIGTERM)
    assert os.waitpid(lives, 0)[0] == lives
