import pytest

from penstock_predictor.errors import Overloaded
from penstock_predictor.serving.runtime import Admission


def test_the_request_beyond_the_limit_is_refused_and_told_when_to_come_back() -> None:
    admission = Admission(max_requests=2, max_bytes=100)
    admission.enter()
    admission.enter()
    with pytest.raises(Overloaded, match="2 requests are in flight") as refusal:
        admission.enter()
    assert refusal.value.status == 429
    assert refusal.value.reason == "requests"
    assert refusal.value.headers == {"retry-after": "1"}
    assert admission.requests == 2


def test_a_place_that_is_given_back_is_free_again() -> None:
    admission = Admission(max_requests=1, max_bytes=100)
    admission.enter(40)
    admission.leave(40)
    assert (admission.requests, admission.bytes) == (0, 0)
    admission.enter(100)
    assert (admission.requests, admission.bytes) == (1, 100)


def test_bytes_of_all_bodies_together_are_bounded() -> None:
    admission = Admission(max_requests=10, max_bytes=100)
    admission.enter(60)
    admission.enter()
    admission.grow(40)
    with pytest.raises(Overloaded, match="bodies of 100 bytes are in flight") as refusal:
        admission.grow(1)
    assert refusal.value.reason == "bytes"
    admission.leave(60)
    admission.grow(60)
    with pytest.raises(Overloaded):
        admission.enter(1)
    assert admission.requests == 1
