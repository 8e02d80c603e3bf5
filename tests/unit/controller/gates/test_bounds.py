"""What a verdict hangs on: values, limits, and how much of the way has been come."""

from math import inf, log

import pytest

from penstock_contracts.api.status import Bound
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.bounds import number_bound, odds_bound, range_bounds


@pytest.mark.parametrize(
    ("log_odds", "value", "reached"),
    [
        pytest.param(log(0.41), 0.41, 0.0, id="they speak for the opposite"),
        pytest.param(0.0, 1.0, 0.0, id="nothing is known"),
        pytest.param(log(20) / 2, 4.47, 0.5, id="half of the way, by their logarithm"),
        pytest.param(log(19.9), 19.9, 0.99, id="almost there is not there"),
        pytest.param(log(20.1), 20.1, 1.0, id="there"),
        pytest.param(1e6, float(f"{1.0142320547350045e304:.3g}"), 1.0, id="beyond all numbers"),
        pytest.param(-inf, 0.0, 0.0, id="impossible"),
    ],
)
def test_odds_decide_where_they_reach_the_inverse_of_the_error_level(
    log_odds: float, value: float, reached: float
) -> None:
    found = odds_bound("odds of no harm", Verdict.PASS, log_odds, 0.05)
    assert found == Bound(
        name="odds of no harm", decides=Verdict.PASS, value=value, limit=20.0, reached=reached, error_level=0.05
    )


@pytest.mark.parametrize(
    ("value", "lowest", "highest", "reached"),
    [
        pytest.param(0.25, None, 0.5, [0.5], id="halfway to the highest"),
        pytest.param(0.5, None, 0.5, [1.0], id="at the highest"),
        pytest.param(-3.0, None, 0.5, [0.0], id="below what a way begins with"),
        pytest.param(-1.0, None, 0.0, [0.0], id="a limit of 0 is a way of 1 off"),
        pytest.param(-0.5, None, 0.0, [0.5], id="and half of that"),
        pytest.param(0.99, 0.95, None, [0.95], id="a smallest value is come near from above"),
        pytest.param(0.9, 0.95, None, [1.0], id="below the smallest value"),
        pytest.param(3.0, 0.95, None, [0.0], id="far above it"),
        pytest.param(0.3, 0.1, 0.5, [0.0, 0.0], id="in the middle of a range"),
        pytest.param(0.4, 0.1, 0.5, [0.0, 0.5], id="towards its upper end"),
        pytest.param(0.05, 0.1, 0.5, [1.0, 0.0], id="below it"),
        pytest.param(1.0, 1.0, 1.0, [0.0, 0.0], id="exactly the one value that is allowed"),
        pytest.param(1.1, 1.0, 1.0, [1.0, 1.0], id="another one than that"),
        pytest.param(inf, 0.1, 0.5, [0.0, 1.0], id="infinite"),
        pytest.param(-inf, 0.1, 0.5, [1.0, 0.0], id="infinite, below"),
    ],
)
def test_a_value_comes_nearer_to_the_ends_of_its_range(
    value: float, lowest: float | None, highest: float | None, reached: list[float]
) -> None:
    assert [bound.reached for bound in range_bounds(value, lowest, highest)] == reached


def test_no_bound_has_a_value_that_json_does_not_know() -> None:
    assert {bound.value for bound in range_bounds(inf, 0.1, 0.5)} == {None}
    assert number_bound("x", Verdict.FAIL, None, 1.0).model_dump_json()


def test_counts_are_shown_in_full_and_measures_in_three_digits() -> None:
    assert number_bound("x", Verdict.PASS, 123_456, 200).value == 123_456
    assert number_bound("x", Verdict.FAIL, 1.23456, 2.0).value == 1.23
