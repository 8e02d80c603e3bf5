"""How many rows of a run pay, by what a row costs in runs of each size."""

import pytest

from penstock_predictor.model.batching import fewest_that_pay, pays_no_more


@pytest.mark.parametrize(
    ("cost", "rows"),
    [
        ({1: 10.0, 2: 6.0, 4: 4.0, 8: 3.0, 16: 2.5, 32: 2.2, 64: 2.5}, 32),
        ({1: 10.0, 2: 6.0, 4: 4.0, 8: 3.0, 16: 2.3, 32: 2.2, 64: 2.2}, 16),
        ({1: 500.0, 2: 490.0, 4: 495.0, 8: 505.0}, 1),
        ({1: 10.0, 2: 8.0, 4: 6.0, 8: 4.0}, 64),
        ({1: 10.0}, 64),
        ({}, 64),
    ],
    ids=[
        "the cheapest size",
        "a smaller one that is hardly dearer",
        "a row costs the same in every run",
        "the largest that was timed is the cheapest",
        "only one row was timed",
        "nothing was timed",
    ],
)
def test_the_fewest_rows_that_pay(cost: dict[int, float], rows: int) -> None:
    assert fewest_that_pay(cost, 64) == rows


@pytest.mark.parametrize(
    ("cost", "no_more"),
    [
        ([], False),
        ([500.0, 490.0], False),
        ([10.0, 6.0, 4.0], False),
        ([10.0, 12.0, 8.0], False),
        ([10.0, 8.0, 12.0], False),
        ([500.0, 490.0, 495.0], True),
        ([10.0, 6.0, 7.0, 8.0], True),
    ],
    ids=[
        "nothing yet",
        "two",
        "cheaper each time",
        "one that was disturbed",
        "the newest disturbed",
        "the same",
        "dearer",
    ],
)
def test_when_more_rows_pay_no_more(cost: list[float], no_more: bool) -> None:
    assert pays_no_more(cost) == no_more
