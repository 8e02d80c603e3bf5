"""Bets on the mean of shortfalls: fair, however often one looks, and as quick as is said."""

from itertools import product
from math import exp, log

import numpy as np
import pytest

from penstock_contracts.paired_quality import SHORTFALLS
from penstock_controller.analysis.shortfall import Shortfall


def counted(*values: float) -> list[tuple[float, float]]:
    return [(value, 1.0) for value in values]


def test_nothing_seen_is_even_odds() -> None:
    test = Shortfall(0.02, ())
    assert test.log_odds_above == pytest.approx(0)
    assert test.log_odds_below == pytest.approx(0)


def test_one_value_pays_the_mean_of_the_stakes() -> None:
    # By hand: the mean of the ten parts of a stake is 0.281; largest stakes 1 / (1 + 0.1) and 1 / (1 - 0.1).
    test = Shortfall(0.1, counted(1.0))
    assert exp(test.log_odds_above) == pytest.approx(1 + 0.281 / 1.1 * 0.9)
    assert exp(test.log_odds_below) == pytest.approx(1 - 0.281 / 0.9 * 0.9)


@pytest.mark.parametrize("limit", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_on_the_limit_the_odds_are_expected_to_be_even_after_any_number_of_values(limit: float, spread: float) -> None:
    values = (limit - spread, limit + spread)
    for draws in (1, 4, 8):
        rows = [counted(*each) for each in product(values, repeat=draws)]
        assert np.mean([exp(Shortfall(limit, row).log_odds_above) for row in rows]) == pytest.approx(1)
        assert np.mean([exp(Shortfall(limit, row).log_odds_below) for row in rows]) == pytest.approx(1)


def test_a_value_that_is_shared_out_between_two_wins_no_bet_more() -> None:
    draw = np.random.default_rng(1)
    low, high = SHORTFALLS[32:34]
    for part in draw.random(50):
        whole = counted(low + part * (high - low))
        shared = [(low, 1 - part), (high, part)]
        for limit in (0.0, 0.02):
            assert Shortfall(limit, shared).log_odds_above <= Shortfall(limit, whole).log_odds_above
            assert Shortfall(limit, shared).log_odds_below <= Shortfall(limit, whole).log_odds_below


def test_all_that_can_be_lost_is_lost_and_nothing_is_raised() -> None:
    assert Shortfall(0.0, [(-1.0, 1e6)]).log_odds_above < -1000
    assert Shortfall(0.0, [(1.0, 1e6)]).log_odds_below < -1000
    assert Shortfall(0.0, [(1.0, 1e6)]).log_odds_above > 1000


def looked(limit: float, mean: float, level: float, *, seed: int, looks: int = 40) -> bool:
    """Whether shortfalls of 0 and 1 and -1, looked at every 50, are ever shown to be above the limit."""
    draw = np.random.default_rng(seed)
    seen = np.zeros(3)
    chances = [0.15 - mean / 2, 0.7, 0.15 + mean / 2]
    for _ in range(looks):
        seen += draw.multinomial(50, chances)
        if Shortfall(limit, list(zip((-1.0, 0.0, 1.0), seen, strict=True))).log_odds_above >= log(1 / level):
            return True
    return False


def test_on_the_limit_it_is_seldom_said_to_be_above_however_often_one_looks() -> None:
    wrong = sum(looked(0.05, 0.05, 0.05, seed=seed) for seed in range(400))
    assert wrong <= 20  # 5 % of 400; in the mean 5 are seen


def test_far_above_it_is_always_said() -> None:
    assert all(looked(0.02, 0.12, 0.0025, seed=seed) for seed in range(50))
