"""Thresholds of the latency gates, and quantiles with their bounds."""

import pytest

from penstock_contracts.latency_buckets import edge_ms
from penstock_controller.analysis.latency import LatencyMargins, Thresholds, quantile_edge
from penstock_controller.analysis.quantile_bounds import distance, quantile_bounds

HIGHEST = 250
BOTH = LatencyMargins(fails=0.2, passes=0.2)


def test_a_margin_of_a_fifth_is_four_buckets_and_both_thresholds_are_one() -> None:
    at = Thresholds.of({100: 100}, 0.5, BOTH, HIGHEST)
    assert at == Thresholds(stable=100, harmful=104, harmless=104)
    assert edge_ms(104) / edge_ms(100) == pytest.approx(1.2)


@pytest.mark.parametrize(("margin", "harmless", "harmful"), [(0.05, 101, 102), (0.3, 105, 106), (1.0, 115, 116)])
def test_any_other_margin_is_rounded_up_to_fail_and_down_to_pass(margin: float, harmless: int, harmful: int) -> None:
    at = Thresholds.of({100: 100}, 0.5, LatencyMargins(margin, margin), HIGHEST)
    assert at == Thresholds(stable=100, harmful=harmful, harmless=harmless)
    assert edge_ms(harmless) <= (1 + margin) * edge_ms(100) <= edge_ms(harmful)


def test_a_larger_pass_margin_has_a_higher_threshold() -> None:
    at = Thresholds.of({100: 100}, 0.5, LatencyMargins(fails=0.2, passes=0.5), HIGHEST)
    assert at == Thresholds(stable=100, harmful=104, harmless=108)


def test_no_threshold_lies_where_users_tries_are_overtaken_and_copies_are_not() -> None:
    assert Thresholds.of({100: 100}, 0.5, BOTH, 102) == Thresholds(stable=98, harmful=102, harmless=102)
    assert Thresholds.of({100: 100}, 0.5, BOTH, 3) is None


def test_without_tries_there_is_no_threshold() -> None:
    assert Thresholds.of({}, 0.99, BOTH, HIGHEST) is None


@pytest.mark.parametrize(("quantile", "edge"), [(0.5, 10), (0.51, 20), (0.9, 20), (0.99, 30), (0.999, 40)])
def test_a_quantile_is_the_lowest_edge_with_few_enough_tries_above(quantile: float, edge: int) -> None:
    assert quantile_edge({10: 500, 20: 400, 30: 90, 40: 10}, quantile) == edge


def test_the_distance_is_howards_and_ramdas() -> None:
    assert distance(1000, 0.99, 0.05) == pytest.approx(0.019989, abs=1e-6)


@pytest.mark.parametrize(("alpha", "fewest"), [(0.05, 3045), (0.0025, 4157)])
def test_p99_has_no_upper_bound_below_thousands_of_tries(alpha: float, fewest: int) -> None:
    assert quantile_bounds({10: fewest - 1}, 0.99, alpha)[1] is None
    assert quantile_bounds({10: fewest}, 0.99, alpha)[1] == 10


def test_a_quantile_lies_between_its_bounds() -> None:
    latencies = dict.fromkeys(range(1, 101), 100)
    least, most = quantile_bounds(latencies, 0.5, 0.01)
    assert least is not None
    assert most is not None
    assert least < 50 < most
    assert most - least < 10
