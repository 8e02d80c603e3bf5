"""That each bet is fair: its expectation is at most 1 for every law within the margin."""

import numpy as np
import pytest
from numpy.random import Generator, default_rng

from penstock_drift_monitor.detector import evidence, noise, quality, ranks, shape
from penstock_drift_monitor.detector.column import binned
from penstock_drift_monitor.detector.sample import Numbers


def law(rng: Generator, bins: int) -> Numbers:
    weights = rng.gamma(rng.choice([0.1, 1.0, 10.0]), size=bins) * (rng.random(bins) < 0.9)
    weights[rng.integers(bins)] += 1e-3
    return np.asarray(weights / weights.sum(), np.float64)


def worst_expectation(factors: Numbers, reference: Numbers, margin: float) -> float:
    """Highest over all laws within the margin: mass goes from the lowest factors to the highest."""
    law, left = reference.copy(), margin
    for low in np.argsort(factors):
        moved = min(left, law[low])
        law[low] -= moved
        left -= moved
    law[np.argmax(factors)] += margin - left
    return float(law @ factors)


def test_the_clipped_ratio_is_fair_for_every_law_within_the_margin() -> None:
    rng, highest = default_rng(1), 0.0
    for _ in range(3000):
        bins = int(rng.integers(2, 14))
        reference, recent = law(rng, bins), law(rng, bins)
        margin = float(rng.choice([0.001, 0.01, 0.05, 0.3, 0.9]))
        factors = shape.clipped_ratio(recent[np.newaxis], reference[np.newaxis], np.array([margin]))[0]
        highest = max(highest, worst_expectation(factors, reference, margin))
    assert highest == pytest.approx(1, abs=1e-9)  # the worst law makes it 1: no more can be had


def test_recent_rows_within_the_margin_are_nothing_to_bet_on() -> None:
    reference, recent = np.array([[0.5, 0.5]]), np.array([[0.54, 0.46]])
    assert shape.clipped_ratio(recent, reference, np.array([0.05])).tolist() == [[1, 1]]
    assert shape.clipped_ratio(recent, reference, np.array([0.03])).max() > 1


def test_padding_changes_nothing() -> None:
    reference, recent = np.array([[0.5, 0.3, 0.2, 0, 0]]), np.array([[0.1, 0.2, 0.7, 0, 0]])
    padded = shape.clipped_ratio(recent, reference, np.array([0.05]))
    assert np.array_equal(padded[:, :3], shape.clipped_ratio(recent[:, :3], reference[:, :3], np.array([0.05])))


@pytest.mark.parametrize("family", [ranks.location, ranks.spread])
@pytest.mark.parametrize("rows", [60, 2000])
def test_stakes_on_ranks_are_fair_for_every_mean_within_the_margin_and_never_ruin(family: object, rows: int) -> None:
    assert callable(family)
    rng = default_rng(2)
    for sample in (
        rng.normal(size=rows),
        np.where(rng.random(rows) < 0.9, 0.0, rng.random(rows)),
        rng.integers(0, 2, rows),
    ):
        column = binned("x", sample.astype(np.float64))
        factors = np.exp(family([column], len(column.shares), 0.05)[:, 0])
        assert factors.min() >= 0.05 - 1e-9
        assert (factors @ column.shares).max() < 1  # the reference itself: a margin below fair


def test_a_change_of_the_missing_share_is_bet_on_fairly_up_to_the_margin() -> None:
    column = binned("x", np.where(default_rng(3).random(2000) < 0.3, np.nan, 1.0))
    low, high = quality.limits([column])
    recent = np.linspace(0.01, 0.99, 40)[:, np.newaxis, np.newaxis] * np.ones((1, 3, 1))
    yes, no = (quality.log_gains(np.broadcast_to(answer, (3, 1, 2)), recent, low, high) for answer in ([1, 0], [0, 1]))
    for share in (low, high, (low + high) / 2):
        assert (share * np.exp(yes) + (1 - share) * np.exp(no)).max() <= 1 + 1e-12


def test_a_sum_of_fair_bets_grows_by_at_most_one_a_block() -> None:
    rng, sums = default_rng(4), np.full(20_000, -np.inf)
    for _ in range(50):
        sums = evidence.after(sums, np.log(rng.choice([0.5, 1.5], size=len(sums))))
    assert float(np.exp(sums).mean()) == pytest.approx(50, rel=0.5)


def test_a_bet_that_stakes_nothing_forgets_and_none_rises_beyond_the_cap() -> None:
    sums = evidence.kept(np.array([20.0, 20.0]), np.array([0.0, 9.0]), most=25.0)
    assert sums.tolist() == [pytest.approx(20 - np.log(2)), 25.0]


def test_twenty_columns_in_blocks_of_fifty_need_odds_of_800000() -> None:
    assert np.exp(evidence.threshold(20, 50)) == pytest.approx(800_000)


def test_a_block_of_a_million_rows_still_needs_a_hundred_blocks_to_a_false_alarm() -> None:
    assert np.exp(evidence.threshold(20, 1e6)) == pytest.approx(8000)


@pytest.mark.parametrize("rows", [200, 500, 2000])
@pytest.mark.parametrize("law", [[1] * 10, [1, 1], [97, 3], [60, 20, 10, 5, 5], [91] + [1] * 9])
def test_the_noise_of_a_sample_is_beyond_its_distance_from_the_source(law: list[int], rows: int) -> None:
    shares = np.array(law) / sum(law)
    samples = default_rng(5).multinomial(rows, shares, size=20_000) / rows
    quantile = float(np.quantile(np.abs(samples - shares).sum(axis=1) / 2, 0.999))
    assert quantile <= noise.of_shares(shares, rows) <= 1.4 * quantile


def test_a_sample_without_values_is_all_noise() -> None:
    assert noise.of_shares(np.array([0.0, 0.0]), 0) == 1
    assert noise.of_mean(0.3, 0) == 1
