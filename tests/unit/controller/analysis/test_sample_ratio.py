"""Tries that do not come in the applied shares are an error of ours, and are found."""

import math

import numpy as np
import pytest

from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.sample_ratio import ALPHA, SampleRatioTest


def tries(candidate: int, stable: int) -> Block:
    return Block(CountedTries(candidate), CountedTries(stable))


def looked(rng: np.random.Generator, applied: float, real: float, looks: int, requests: int) -> int | None:
    """The look at which it is said to be wrong; None: never."""
    test = SampleRatioTest()
    for look in range(looks):
        got = int(rng.binomial(requests, real))
        test = test.after(tries(got, requests - got), applied)
        if test.is_wrong:
            return look
    return None


@pytest.mark.parametrize(
    ("applied", "real", "at_most"),
    [(0.05, 0.03, 8), (0.05, 0.1, 3), (0.25, 0.2, 10), (0.5, 0.45, 6), (0.5, 0.6, 2), (0.05, 0.0, 3)],
)
def test_a_share_that_is_not_the_applied_one_is_found(applied: float, real: float, at_most: int) -> None:
    found = [looked(np.random.default_rng(seed), applied, real, 60, 500) for seed in range(20)]
    assert all(look is not None and look <= at_most for look in found), found


def test_shares_that_are_right_are_hardly_ever_said_to_be_wrong() -> None:
    wrong = sum(looked(np.random.default_rng(seed), 0.25, 0.25, 60, 200) is not None for seed in range(1000))
    assert wrong <= 1000 * ALPHA + 3


@pytest.mark.parametrize("applied", [0.01, 0.05, 0.5, 0.99])
def test_a_deviation_that_nobody_would_act_on_is_never_found(applied: float) -> None:
    odds = 1.03 * applied / (1 - applied)
    test = SampleRatioTest()
    for _ in range(100):
        test = test.after(tries(round(1e6 * odds / (1 + odds)), round(1e6 / (1 + odds))), applied)
    assert not test.is_wrong


def test_the_expectation_of_a_bet_is_one_under_the_applied_share() -> None:
    """Exactly, by all outcomes of twelve tries."""
    share, number = 0.3, 12
    mean = 0.0
    for candidate in range(number + 1):
        chance = math.comb(number, candidate) * share**candidate * (1 - share) ** (number - candidate)
        stakes = SampleRatioTest().after(tries(candidate, number - candidate), share).stakes
        mean += chance * sum(map(math.exp, stakes))
    assert mean == pytest.approx(1, abs=1e-4)


def test_what_was_written_down_goes_on() -> None:
    test = SampleRatioTest().after(tries(40, 500), 0.05)
    assert SampleRatioTest.restored(test.state()) == test


@pytest.mark.parametrize("state", ["", "[", "[1,2]", "null", '["a","b","c","d","e","f"]', "[NaN,0,0,0,0,0]"])
def test_a_text_that_no_test_wrote_begins_anew(state: str) -> None:
    assert SampleRatioTest.restored(state) == SampleRatioTest()
