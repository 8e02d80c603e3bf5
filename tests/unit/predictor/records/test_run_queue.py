"""What waits to be sent is bounded."""

from penstock_predictor.records.run_queue import RanCalls, RunQueue


def ran(rows: int, size: int = 1) -> RanCalls:
    run = RanCalls(0.0, ())
    run.rows, run.size = rows, size
    return run


def test_runs_come_out_in_their_order() -> None:
    queue = RunQueue(max_rows=10, max_bytes=100)
    runs = [ran(1), ran(2), ran(3)]
    assert all(queue.put(run) for run in runs)
    assert queue.rows == 6
    assert [queue.take(), queue.take()] == [runs, []]
    assert queue.rows == 0


def test_a_run_that_would_exceed_the_rows_is_not_taken_and_a_smaller_one_is() -> None:
    queue = RunQueue(max_rows=10, max_bytes=100)
    assert [queue.put(ran(rows)) for rows in (7, 4, 3, 1)] == [True, False, True, False]
    assert queue.rows == 10


def test_room_that_was_taken_is_there_again() -> None:
    queue = RunQueue(max_rows=100, max_bytes=10)
    assert queue.put(ran(1, size=10))
    assert not queue.put(ran(1, size=1))
    queue.take()
    assert queue.put(ran(1, size=10))


def test_no_more_is_taken_at_once_than_is_soon_worked_off() -> None:
    queue = RunQueue(max_rows=1000, max_bytes=2**20)
    many, large = [ran(1) for _ in range(65)], [ran(1, size=2**16), ran(1)]
    assert all(queue.put(run) for run in (*many, *large))
    assert [queue.take() for _ in range(3)] == [many[:64], [many[64], large[0]], [large[1]]]
