import numpy as np
import pandas as pd

from penstock.choice import positions_tried
from penstock.rows import rows_of


def test_few_rows_are_all_tried_in_their_order() -> None:
    assert list(positions_tried(rows_of(pd.DataFrame({"a": [1.0, 2.0]})), most=2)) == [0, 1]


def test_of_many_rows_the_rarest_and_the_emptiest_are_tried_behind_the_random_ones() -> None:
    amounts = np.linspace(0, 1, 1000)
    amounts[500] = np.nan
    countries = np.full(1000, "DE", dtype=object)
    countries[700] = "US"
    rows = rows_of(pd.DataFrame({"amount": amounts, "country": countries}))
    positions = list(positions_tried(rows, most=10))
    assert len(set(positions)) == len(positions)
    assert {0, 999, 500, 700} <= set(positions)
    assert len(positions) < 100
    assert positions == list(positions_tried(rows, most=10))


def test_of_many_tensors_random_rows_are_tried() -> None:
    assert len(positions_tried(rows_of(np.zeros((50, 2))), most=10)) == 10
