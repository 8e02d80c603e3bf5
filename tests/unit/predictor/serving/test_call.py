import time

import pytest

from penstock_predictor.errors import BadRequest
from penstock_predictor.serving.call import Deadline


def test_what_is_left_ends_at_zero() -> None:
    now = time.monotonic()
    assert Deadline.after(-1, now=now).left == 0
    assert 999 < Deadline.after(1000, now=now).left <= 1000


def test_after_the_end_the_refusal_names_the_whole_budget() -> None:
    refusal = Deadline.after(10, now=0).timeout_error()
    assert str(refusal).startswith("no answer within 10 s")
    assert refusal.status == 504


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [(None, 10), (b"250", 0.25), (b"10000", 10), (b"60000", 10)],
    ids=["none", "less", "as much", "more"],
)
def test_a_caller_may_shorten_its_time_and_not_lengthen_it(asked: bytes | None, seconds: float) -> None:
    deadline = Deadline.within(10, asked, now=100)
    assert (deadline.seconds, deadline.at) == (seconds, 100 + seconds)


@pytest.mark.parametrize("asked", [b"", b"0", b"-1", b"1.5", b"1s", b"9" * 13, b"\xb2"])
def test_a_time_that_is_none_is_refused(asked: bytes) -> None:
    with pytest.raises(BadRequest, match="x-request-timeout-ms: expected a whole number of milliseconds"):
        Deadline.within(10, asked, now=100)
