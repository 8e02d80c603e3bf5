"""Which requests are recorded."""

import uuid
from random import Random

import pytest

from penstock_predictor.records.recorder import Sampling


def ids(number: int) -> list[bytes]:
    draw = Random(7)
    return [str(uuid.UUID(int=draw.getrandbits(128), version=4)).encode() for _ in range(number)]


def test_two_processes_take_the_same_requests() -> None:
    one, other = Sampling(0.2, start=1), Sampling(0.2, start=2)
    names = ids(1000)
    assert [one.takes(name) for name in names] == [other.takes(name) for name in reversed(names)][::-1]


def test_a_smaller_share_is_part_of_a_larger_one() -> None:
    small, large = Sampling(0.1), Sampling(0.6)
    assert all(large.takes(name) for name in ids(1000) if small.takes(name))


@pytest.mark.parametrize("rate", [0.01, 0.25, 0.9])
def test_so_many_are_taken_as_the_rate_says_with_an_id_and_without(rate: float) -> None:
    sampling = Sampling(rate, start=12345)
    number = 20000
    assert sum(map(sampling.takes, ids(number))) == pytest.approx(rate * number, rel=0.15)
    assert sum(sampling.takes(None) for _ in range(number)) == pytest.approx(rate * number, abs=3)
    assert sum(sampling.takes(b"") for _ in range(number)) == pytest.approx(rate * number, abs=3)


@pytest.mark.parametrize(("rate", "taken"), [(0.0, 0), (1.0, 500)])
def test_none_and_all(rate: float, taken: int) -> None:
    sampling = Sampling(rate)
    assert sum(map(sampling.takes, [*ids(400), *[None] * 100])) == taken
