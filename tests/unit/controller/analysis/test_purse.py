"""Wealth over several bets."""

from math import exp, log

import pytest

from penstock_controller.analysis.purse import Purse


def wealth(purse: Purse) -> float:
    return exp(purse.total)


def test_all_wealth_at_the_start_is_one() -> None:
    assert wealth(Purse.filled(6)) == pytest.approx(1, abs=1e-4)


def test_the_reserve_moves_into_stakes_without_a_change_of_the_total() -> None:
    purse = Purse.filled(3)
    for _ in range(2000):
        purse = purse.replenished()
    assert wealth(purse) == pytest.approx(1, abs=1e-4)


def test_stakes_that_are_ruined_in_each_block_can_still_win_after_a_thousand() -> None:
    purse = Purse.filled(3)
    for _ in range(1000):
        purse = purse.played([-1e9] * 3).replenished().rounded()
    assert purse.played([25.0] * 3).total > log(400)


def test_dealing_out_again_makes_no_wealth() -> None:
    purse = Purse.filled(4).played([0.0, 5.0, -80.0, 1.0])
    dealt = purse.rebalanced(idle=0.1, mixing=0.01)
    assert dealt.total == pytest.approx(purse.total)
    assert exp(dealt.stakes[0]) == pytest.approx(0.1 * sum(map(exp, purse.stakes)))


def test_ruin_of_all_that_is_at_stake_leaves_what_is_idle() -> None:
    purse = Purse.filled(4).played([0.0, 9.0, 9.0, 9.0]).rebalanced(idle=0.1, mixing=0.01)
    after = purse.played([0.0, -1e9, -1e9, -1e9])
    assert after.total == pytest.approx(purse.total + log(0.1), abs=0.01)


def test_wealth_above_the_cap_is_thrown_away_and_below_it_is_left() -> None:
    rich = Purse.filled(2).played([50.0, 49.0])
    assert sum(map(exp, rich.capped(log(1000)).stakes)) == pytest.approx(1000)
    assert Purse.filled(2).capped(log(1000)) == Purse.filled(2)


def test_rounding_never_makes_wealth() -> None:
    purse = Purse.filled(3).played([0.123456789, -7.7777777777, 3.3333333333])
    assert all(kept <= stake for kept, stake in zip(purse.rounded().stakes, purse.stakes, strict=True))
