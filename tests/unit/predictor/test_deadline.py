import pytest

from penstock_predictor.deadline import Deadline
from penstock_predictor.errors import DeadlineExceeded


def test_what_is_left_shrinks_with_the_clock_and_ends_at_zero() -> None:
    now = [50.0]
    deadline = Deadline.after(10, lambda: now[0])
    assert deadline.left == 10
    now[0] = 57.5
    assert deadline.left == 2.5
    now[0] = 61
    assert deadline.left == 0


def test_after_the_end_the_refusal_names_the_whole_budget() -> None:
    now = [0.0]
    deadline = Deadline.after(10, lambda: now[0])
    deadline.check()
    now[0] = 10
    with pytest.raises(DeadlineExceeded, match="no answer within 10 s") as refusal:
        deadline.check()
    assert refusal.value.status == 504
