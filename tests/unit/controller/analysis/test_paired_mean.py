"""Betting on the mean of paired differences: known answers, error levels, and what stakes may do."""

import random
from math import comb, exp, isclose, log

import pytest

from penstock_controller.analysis.paired_mean import (
    DifferenceCount,
    PairedMean,
    log_wealth,
    pairs_to_show_below,
    stake_on,
)

ALPHA = 0.0025


def flips(flipped: int, pairs: int) -> tuple[DifferenceCount, ...]:
    return DifferenceCount(0, 0, pairs - flipped), DifferenceCount(1, 1, flipped)


def test_known_answer_of_four_pairs() -> None:
    """Three that agree pay 0.95 each, one that differs pays 1.45."""
    assert exp(log_wealth([(0.0, 3), (1.0, 1)], 0.1, 0.5)) == pytest.approx(1.24319375, rel=1e-12)


def test_the_product_does_not_depend_on_the_order_of_the_pairs() -> None:
    one = sum(log_wealth([(value, 1)], 0.1, 0.5) for value in (0.0, 0.3, 1.0, 0.3))
    assert isclose(one, log_wealth([(0.3, 2), (1.0, 1), (0.0, 1)], 0.1, 0.5))


@pytest.mark.parametrize("limit", [0.001, 0.01, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("pairs", [1, 3, 20])
def test_every_bet_is_fair_where_the_mean_is_the_limit(limit: float, pairs: int) -> None:
    above = below = 0.0
    for flipped in range(pairs + 1):
        chance = comb(pairs, flipped) * limit**flipped * (1 - limit) ** (pairs - flipped)
        mean = PairedMean(limit, flips(flipped, pairs))
        above += chance * exp(mean.log_odds_above)
        below += chance * exp(mean.log_odds_below)
    assert above == pytest.approx(1, rel=1e-9)
    assert below == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("limit", [0.001, 0.01, 0.1, 0.5, 0.99])
def test_no_stake_can_lose_more_than_there_is(limit: float) -> None:
    for believed in (0.0, limit / 2, (1 + limit) / 2, 0.99):
        stake = stake_on(believed, limit)
        assert min(1 - stake * limit, 1 + stake * (1 - limit)) >= -1e-12


def test_a_shuffled_classifier_is_found_within_twenty_pairs() -> None:
    found = PairedMean(0.01, flips(6, 20))
    assert found.log_odds_above > -log(ALPHA)
    assert found.log_odds_below < 0


def test_equal_predictions_are_shown_to_be_equal_after_as_many_pairs_as_foretold() -> None:
    needed = pairs_to_show_below(0.01, 0.0, 0.05)
    assert needed == 368
    assert PairedMean(0.01, flips(0, needed)).log_odds_below >= log(20)
    assert PairedMean(0.01, flips(0, 290)).log_odds_below < log(20)


def test_means_at_or_above_the_limit_are_never_shown_to_be_below() -> None:
    assert pairs_to_show_below(0.01, 0.01, 0.05) is None
    assert pairs_to_show_below(0.01, 0.2, 0.05) is None
    assert pairs_to_show_below(0.01, 0.003, 0.05) is not None


def test_differences_count_as_their_lowest_against_the_candidate_and_as_their_highest_for_it() -> None:
    coarse, low, high = (
        PairedMean(0.1, (DifferenceCount(*ends, 200),)) for ends in ((0.05, 0.15), (0.05, 0.05), (0.15, 0.15))
    )
    assert coarse.log_odds_above == low.log_odds_above < 0
    assert coarse.log_odds_below == high.log_odds_below < 0
    assert low.log_odds_below > log(20)
    assert high.log_odds_above > 3


def test_a_certain_difference_takes_all_that_was_bet_on_equal_predictions_and_not_the_rest() -> None:
    one_in_a_thousand = PairedMean(0.01, flips(1, 1000))
    assert one_in_a_thousand.log_odds_below > log(20)
    assert PairedMean(0.01, flips(1, 1)).log_odds_below < 0


def test_no_pairs_say_nothing() -> None:
    assert PairedMean(0.01, ()).log_odds_above == pytest.approx(0)
    assert PairedMean(0.01, ()).log_odds_below == pytest.approx(0)


@pytest.mark.parametrize(("limit", "spread"), [(0.01, 1.0), (0.1, 0.4)])
def test_looked_at_after_every_pair_a_mean_at_the_limit_is_seldom_taken_for_another(
    limit: float, spread: float
) -> None:
    """`spread`: what a difference is where there is one."""
    draw = random.Random(3)
    false = {"above": 0, "below": 0}
    for _ in range(300):
        differing, wrong = 0, set[str]()
        for pairs in range(1, 601):
            differing += draw.random() < limit / spread
            if pairs % 5:
                continue
            counts = (DifferenceCount(0, 0, pairs - differing), DifferenceCount(spread, spread, differing))
            mean = PairedMean(limit, counts)
            wrong |= {"above"} if mean.log_odds_above >= log(20) else set()
            wrong |= {"below"} if mean.log_odds_below >= log(20) else set()
        for each in wrong:
            false[each] += 1
    # At a level of 5 %: three standard errors above it.
    assert max(false.values()) <= 300 * (0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5)
