import os

import pytest

from penstock_predictor.counters import SharedCounters


def test_each_worker_writes_its_own_part_and_all_are_added_up() -> None:
    counters = SharedCounters(2, workers=3)
    for worker in range(3):
        counters.part(worker)[0] += worker
        counters.part(worker)[1] += 1
    assert list(counters.totals()) == [3, 3]
    assert counters.part(2).tolist() == [2, 1]


def test_one_worker_is_all() -> None:
    counters = SharedCounters(2, workers=1)
    counters.part(0)[1] = 5
    assert list(counters.totals()) == [0, 5]


def test_a_part_has_no_room_for_another() -> None:
    with pytest.raises(IndexError):
        SharedCounters(2, workers=3).part(0)[2] = 1


def test_another_process_finds_them_by_the_file_descriptor() -> None:
    counters = SharedCounters(2, workers=2)
    pid = os.fork()
    if pid == 0:
        SharedCounters(2, workers=2, fd=counters.fd).part(1)[0] = 7
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    counters.part(0)[0] = 1
    assert list(counters.totals()) == [8, 0]
