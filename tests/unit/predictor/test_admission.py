import pytest

from penstock_predictor.admission import Admission
from penstock_predictor.errors import Overloaded


def test_the_request_beyond_the_limit_is_refused_and_told_when_to_come_back() -> None:
    admission = Admission(max_requests=2, max_bytes=100)
    admission.enter()
    admission.enter()
    with pytest.raises(Overloaded, match="2 requests are in flight") as refusal:
        admission.enter()
    assert refusal.value.status == 429
    assert refusal.value.headers == {"retry-after": "1"}
    assert admission.in_flight == 2


def test_a_place_that_is_given_back_is_free_again() -> None:
    admission = Admission(max_requests=1, max_bytes=100)
    admission.enter().leave()
    assert admission.in_flight == 0
    admission.enter()
    assert admission.in_flight == 1


def test_leaving_twice_frees_one_place_only() -> None:
    admission = Admission(max_requests=3, max_bytes=100)
    slot = admission.enter()
    admission.enter()
    slot.leave()
    slot.leave()
    assert admission.in_flight == 1


def test_bytes_of_all_bodies_together_are_bounded() -> None:
    admission = Admission(max_requests=10, max_bytes=100)
    first, second = admission.enter(), admission.enter()
    first.take(60)
    second.take(40)
    with pytest.raises(Overloaded, match="bodies of 100 bytes are in flight"):
        second.take(1)
    first.leave()
    second.take(60)
    second.leave()
    admission.enter().take(100)
    assert admission.in_flight == 1
