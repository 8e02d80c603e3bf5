from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse as untyped_sparse

from penstock.errors import NotConvertible, RowsRefused
from penstock.graph import GraphTensor
from penstock.rows import TableRows, TensorRows, rows_of

sparse: Any = untyped_sparse


def tensor(name: str, dtype: str, *shape: int) -> GraphTensor:
    return GraphTensor(name=name, dtype=np.dtype(dtype), shape=shape)


def table() -> TableRows:
    rows = rows_of(pd.DataFrame({"amount": [1.5, None], "logins": [3, 4], "country": ["DE", "FR"]}, index=[10, 20]))
    assert isinstance(rows, TableRows)
    return rows


def test_a_graph_with_an_input_for_each_column_is_fed_column_by_column() -> None:
    inputs = [tensor("amount", "float32", -1, 1), tensor("logins", "int64", -1), tensor("country", "O", -1, 1)]
    feeds = table().feeds(inputs)
    assert feeds["amount"].dtype == np.float32
    assert feeds["amount"].shape == (2, 1)
    assert np.isnan(feeds["amount"][1, 0])
    assert feeds["logins"].tolist() == [3, 4]
    assert feeds["country"].tolist() == [["DE"], ["FR"]]


def test_a_graph_with_one_matrix_is_fed_all_columns_side_by_side() -> None:
    rows = rows_of(pd.DataFrame({"a": [1.5, 2.5], "b": [True, False]}))
    assert rows.feeds([tensor("X", "float32", -1, 2)])["X"].tolist() == [[1.5, 1.0], [2.5, 0.0]]


def test_a_graph_with_other_inputs_is_refused_with_both_lists() -> None:
    with pytest.raises(NotConvertible, match="inputs are price, the columns of X amount, logins, country"):
        table().feeds([tensor("price", "float32", -1, 1)])


def test_columns_with_gaps_may_be_left_out_of_a_request() -> None:
    assert {each.name: each.required for each in table().schema().inputs} == {
        "amount": False,
        "logins": True,
        "country": True,
    }


def test_the_example_has_no_gaps_and_plain_types() -> None:
    example = table().example()
    assert example.to_dict("records") == [{"amount": 1.5, "logins": 3, "country": "DE"}]


def test_arrays_are_one_unnamed_matrix_whose_sample_is_named_like_records() -> None:
    rows = rows_of(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert isinstance(rows, TensorRows)
    assert rows.sample([1]).to_dict("list") == {"X[0]": [3.0], "X[1]": [4.0]}
    assert rows.feeds([tensor("whatever", "float32", -1, 2)])["whatever"].dtype == np.float32


def test_tensors_get_the_names_of_the_graphs_inputs_which_the_store_asks_for() -> None:
    rows = rows_of(np.zeros((2, 1, 8, 8), dtype=np.float32))
    assert rows.named_as([tensor("pixels", "float32", -1, 1, 8, 8)]).schema().input_names() == ["pixels"]
    pair = rows_of({"second": np.array([1.0]), "first": np.array([2.0])})
    named = pair.named_as([tensor("first", "float32", -1), tensor("second", "float32", -1)])
    assert named.sample([0]).to_dict("list") == {"second": [1.0], "first": [2.0]}


def test_images_are_tensors_that_the_sample_leaves_out() -> None:
    rows = rows_of({"image": np.zeros((2, 3, 4, 4), dtype=np.float32), "age": np.array([30, 40])})
    assert rows.sample([0, 1]).to_dict("list") == {"age": [30, 40]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (pd.DataFrame({"a": []}), "X has no rows"),
        (np.array([[np.inf]]), "infinite"),
        (sparse.csr_matrix([[1.0]]), r"X\.toarray\(\)"),
        (pd.Series([1, 2], name="a"), r"X\[\['a'\]\]"),
        (np.array([["a", 1]], dtype=object), "holds objects"),
        ("rows.csv", "neither a table nor tensors"),
        (7, "neither a table nor tensors"),
        ({}, "X has no rows"),
    ],
)
def test_what_is_neither_table_nor_tensors_is_refused(given: object, said: str) -> None:
    with pytest.raises(RowsRefused, match=said):
        rows_of(given)
