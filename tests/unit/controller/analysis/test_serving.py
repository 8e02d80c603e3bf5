"""Whether a version serves, by its own tries."""

import random

import pytest

from penstock_controller.analysis.counts import CountedTries
from penstock_controller.analysis.memory import Memory
from penstock_controller.analysis.serving import NOT_SHOWN, is_shown_to_serve

WELL = Memory(1000, 0)


@pytest.mark.parametrize(
    ("tries", "failures", "expected"),
    [
        pytest.param(0, 0, False, id="nothing was tried"),
        pytest.param(5, 0, False, id="five good tries say too little"),
        pytest.param(6, 0, True, id="six say enough"),
        pytest.param(100, 30, True, id="three of ten fail"),
        pytest.param(1000, 480, False, id="nearly half fail"),
        pytest.param(1000, 500, False, id="half fail"),
        pytest.param(10**9, 10**9, False, id="all fail"),
        pytest.param(10**9, 0, True, id="none fails"),
    ],
)
def test_a_version_is_shown_to_serve(tries: int, failures: int, *, expected: bool) -> None:
    assert is_shown_to_serve(CountedTries(tries, failures), WELL) is expected


def test_one_that_serves_no_more_is_told_by_its_recent_tries() -> None:
    assert not is_shown_to_serve(CountedTries(10**6, 1000), Memory(1000, 500))
    assert is_shown_to_serve(CountedTries(10**6, 1000), Memory(1000, 499))


def test_one_that_fails_half_is_seldom_taken_for_one_that_serves_however_often_it_is_looked() -> None:
    rng, wrong, runs = random.Random(1), 0, 400
    for _ in range(runs):
        failures = 0
        for tries in range(1, 301):
            failures += rng.random() < 0.5
            if is_shown_to_serve(CountedTries(tries, failures), WELL):
                wrong += 1
                break
    assert wrong <= NOT_SHOWN * runs
