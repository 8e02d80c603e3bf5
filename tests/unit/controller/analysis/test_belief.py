"""What a block is worth to who bets on a belief."""

from itertools import product
from math import comb, exp, isfinite

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_controller.analysis.belief import Belief
from penstock_controller.analysis.counts import Block, CountedTries

RATES = (0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.95, 1.0)
SIZES = ((1, 1), (1, 6), (6, 1), (4, 5))
BEYOND = ((0.02, 0.9999999), (0.02, 0.2), (0.4, 0.55), (1e-7, 0.3), (0.001, 0.12))
WITHIN = ((0.02, 0.02), (0.4, 0.3), (0.001, 1e-7), (0.9, 0.2), (0.97, 0.97))


def outcomes(tries: int, rate: float) -> list[tuple[int, float]]:
    """Each number of failures with its probability."""
    return [(k, comb(tries, k) * rate**k * (1 - rate) ** (tries - k)) for k in range(tries + 1)]


def expected_gain(belief: Belief, margin: float, sizes: tuple[int, int], candidate: float, stable: float) -> float:
    """Exact expectation of what a stake of 1 becomes when these are the true rates."""
    arms = outcomes(sizes[0], candidate), outcomes(sizes[1], stable)
    return sum(
        p * q * exp(belief.log_gain(Block(CountedTries(sizes[0], i), CountedTries(sizes[1], k)), margin))
        for (i, p), (k, q) in product(*arms)
    )


@pytest.mark.parametrize("margin", [0.0, 0.005, 0.1])
@pytest.mark.parametrize("sizes", SIZES)
def test_betting_on_harm_gains_nothing_on_average_while_there_is_none(margin: float, sizes: tuple[int, int]) -> None:
    beliefs = [Belief.of(stable=s, candidate=c) for s, c in BEYOND if c > s + margin]
    assert beliefs
    for belief, stable, candidate in product(beliefs, RATES, (*RATES, None)):
        rate = min(1.0, stable + margin) if candidate is None else candidate
        if rate <= stable + margin:
            assert expected_gain(belief, margin, sizes, rate, stable) <= 1 + 1e-9


@pytest.mark.parametrize("margin", [0.005, 0.1, 0.9])
@pytest.mark.parametrize("sizes", SIZES)
def test_betting_on_health_gains_nothing_on_average_while_there_is_harm(margin: float, sizes: tuple[int, int]) -> None:
    for (s, c), stable, candidate in product(WITHIN, RATES, (*RATES, None)):
        rate = stable + margin if candidate is None else candidate
        if stable + margin <= rate <= 1:
            assert expected_gain(Belief.of(stable=s, candidate=c), margin, sizes, rate, stable) <= 1 + 1e-9


def test_who_is_right_gains_on_average() -> None:
    belief = Belief.of(candidate=0.3, stable=0.02)
    assert expected_gain(belief, 0.005, (4, 5), candidate=0.3, stable=0.02) > 1.2


arms = st.integers(1, 10**9).flatmap(
    lambda n: st.builds(CountedTries, st.just(n), st.integers(0, n) | st.sampled_from((0, n)))
)
rates = st.floats(0, 1)


@given(
    block=st.builds(Block, arms, arms),
    candidate=rates,
    stable=rates,
    margin=st.floats(0, 1, exclude_max=True) | st.sampled_from((0.0, 1e-300, 1e-9, 1 - 1e-9, 1 - 2**-53)),
)
def test_no_counts_are_worth_an_undefined_amount(block: Block, candidate: float, stable: float, margin: float) -> None:
    assert isfinite(Belief.of(candidate=candidate, stable=stable).log_gain(block, margin))


def test_a_belief_on_the_border_bets_nothing() -> None:
    belief = Belief.of(candidate=0.25, stable=0.125)
    assert belief.log_gain(Block(CountedTries(100, 70), CountedTries(1000, 1)), margin=0.125) == pytest.approx(
        0, abs=1e-9
    )
