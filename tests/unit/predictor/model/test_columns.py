"""Named features to tensors: the two shapes of MLflow's ONNX models, and every way a row can be wrong."""

from typing import Any

import numpy as np
import pytest

from penstock_contracts.model_card import Column, TensorSpec
from penstock_predictor.errors import DoesNotFit
from penstock_predictor.model.columns import NoColumns, SeparateColumns, StackedColumns, plan_columns


def column(name: str, kind: str = "double", *, required: bool = True) -> Column:
    return Column(name=name, type=kind, required=required)


def tensor(name: str, datatype: str = "FP32", shape: tuple[int, ...] = (-1, 1)) -> TensorSpec:
    return TensorSpec(name=name, datatype=datatype, shape=shape)


MIXED = plan_columns(
    [column("amount"), column("age", "long"), column("country", "string"), column("known", "boolean")],
    [tensor("amount"), tensor("age", "INT64"), tensor("country", "BYTES", (-1,)), tensor("known", "BOOL")],
)
STACKED = plan_columns([column("b"), column("a")], [tensor("X", "FP32", (-1, 2))])


def row(**changes: Any) -> dict[str, Any]:
    return {"amount": 9.5, "age": 41, "country": "CH", "known": True} | changes


def test_one_input_for_each_column() -> None:
    assert isinstance(MIXED, SeparateColumns)
    feeds = MIXED.feeds([row(), row(amount=1, country="")])
    assert {name: (array.dtype.name, array.tolist()) for name, array in feeds.items()} == {
        "amount": ("float32", [[9.5], [1.0]]),
        "age": ("int64", [[41], [41]]),
        "country": ("object", ["CH", ""]),
        "known": ("bool", [[True], [True]]),
    }


def test_stacked_columns_follow_the_signature_not_the_row() -> None:
    assert isinstance(STACKED, StackedColumns)
    feeds = STACKED.feeds([{"a": 1, "b": 2}, {"b": 4, "a": 3}])
    assert feeds["X"].tolist() == [[2, 1], [4, 3]]
    assert feeds["X"].dtype == np.float32


def test_stacked_columns_of_several_types() -> None:
    plan = plan_columns([column("n", "long"), column("f", "boolean"), column("x")], [tensor("X", "FP64", (-1, 3))])
    assert plan.feeds([{"n": 3, "f": True, "x": None}])["X"][0, :2].tolist() == [3.0, 1.0]
    with pytest.raises(DoesNotFit, match=r"row 1, column 'n': expected an integer, got 2\.5"):
        plan.feeds([{"n": 3, "f": True, "x": 1}, {"n": 2.5, "f": False, "x": 1}])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"amount": "9.5"}, "row 1, column 'amount': expected a number or null, got '9.5'"),
        ({"amount": True}, "row 1, column 'amount': expected a number or null, got True"),
        ({"amount": 1e39}, "row 1, column 'amount': 1e+39 is not a finite FP32; write null for a missing value"),
        ({"age": 41.0}, "row 1, column 'age': expected an integer, got 41.0"),
        ({"age": None}, "row 1, column 'age': expected an integer, got None"),
        ({"age": 2**63}, "row 1, column 'age': 9223372036854775808 is out of range for INT64"),
        ({"country": None}, "row 1, column 'country': expected a string, got None"),
        ({"country": ["CH"]}, "row 1, column 'country': expected a string, got ['CH']"),
        ({"known": 1}, "row 1, column 'known': expected true or false, got 1"),
        ({"colour": "red"}, "row 1: unknown column 'colour': this model takes ['age', 'amount', 'country', 'known']"),
    ],
)
def test_a_wrong_value_is_named_by_row_and_column(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(DoesNotFit) as refusal:
        MIXED.feeds([row(), row(**changed)])
    assert str(refusal.value) == message


@pytest.mark.parametrize("plan", [MIXED, STACKED])
def test_a_missing_column_is_named(plan: SeparateColumns | StackedColumns) -> None:
    with pytest.raises(DoesNotFit, match=r"row 0: column '(age|a)' is missing"):
        plan.feeds([{"amount": 1, "country": "CH", "known": True, "b": 2}])


def test_a_wrong_value_in_stacked_columns_is_named() -> None:
    with pytest.raises(DoesNotFit, match=r"^row 1, column 'a': expected a number or null, got 'x'$"):
        STACKED.feeds([{"a": 1, "b": 2}, {"a": "x", "b": 2}])


def test_an_absent_optional_float_is_nan() -> None:
    plan = plan_columns([column("a"), column("b", required=False)], [tensor("X", "FP32", (-1, 2))])
    assert np.isnan(plan.feeds([{"a": 1}])["X"][0, 1])


def test_an_absent_optional_string_is_refused_because_onnx_has_no_missing_string() -> None:
    plan = plan_columns([column("s", "string", required=False)], [tensor("s", "BYTES")])
    with pytest.raises(DoesNotFit, match=r"row 0: column 's' is missing"):
        plan.feeds([{}])


def test_a_column_that_the_graph_does_not_use_is_checked_and_dropped() -> None:
    plan = plan_columns([column("used"), column("unused", "string")], [tensor("used")])
    assert list(plan.feeds([{"used": 1, "unused": "x"}])) == ["used"]
    with pytest.raises(DoesNotFit, match="row 0, column 'unused': expected a string, got 1"):
        plan.feeds([{"used": 1, "unused": 1}])


@pytest.mark.parametrize(
    ("columns", "inputs", "reason"),
    [
        (None, [tensor("a"), tensor("b")], "it has no signature with named columns"),
        ([], [tensor("X", "FP32", (-1, 3, 4))], "it has no signature with named columns"),
        ([column("d", "datetime")], [tensor("d")], "column 'd' has the type 'datetime', which JSON cannot carry"),
        ([column("a")], [tensor("a"), tensor("z")], "its input 'z' is none of the signature's columns"),
        (
            [column("a"), column("b")],
            [tensor("X", "FP32", (-1, 3))],
            "its input 'X' is none of the signature's columns",
        ),
        ([column("a")], [tensor("a", "FP32", (-1, 3, 4))], "its input 'a' of shape [-1, 3, 4] is not one column"),
        ([column("a"), column("b")], [tensor("a"), tensor("b", "INT64")], "column 'b' (double) does not fit its input"),
        ([column("s", "string"), column("a")], [tensor("X", "FP32", (-1, 2))], "column 's' (string) does not fit"),
        ([column("a", "long")], [tensor("a", "BYTES")], "column 'a' (long) does not fit its input 'a' (BYTES)"),
    ],
)
def test_a_model_that_predict_cannot_serve_says_why_and_names_the_way_out(
    columns: list[Column] | None, inputs: list[TensorSpec], reason: str
) -> None:
    plan = plan_columns(columns, inputs)
    assert isinstance(plan, NoColumns)
    assert reason in plan.reason
    with pytest.raises(DoesNotFit, match="use POST /v2/models/<name>/infer"):
        plan.feeds([{"a": 1}])


def test_rows_may_be_lists_in_the_order_of_the_columns() -> None:
    plan = plan_columns([column("a"), column("b")], [tensor("X", "FP32", (-1, 2))])
    assert plan.feeds([[1, 2], {"b": 4, "a": 3}])["X"].tolist() == [[1, 2], [3, 4]]


def test_a_list_of_another_length_than_the_columns_is_named() -> None:
    plan = plan_columns([column("a"), column("b")], [tensor("X", "FP32", (-1, 2))])
    with pytest.raises(DoesNotFit, match=r"row 1: expected 2 values, for the columns \['a', 'b'\], got 3"):
        plan.feeds([[1, 2], [1, 2, 3]])


def test_without_a_signature_a_model_with_one_table_as_input_takes_lists() -> None:
    plan = plan_columns(None, [tensor("X", "FP32", (-1, 2))])
    assert plan.feeds([[1, 2], [3, None]])["X"][0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"a": 1}, "row 0: this model has no signature with named columns: send a list of values"),
        ([1], "row 0: expected 2 values, got 1"),
        ([1, "2"], "row 0, value 1: expected a number or null, got '2'"),
    ],
)
def test_without_a_signature_a_row_that_does_not_fit_is_named(row: Any, message: str) -> None:
    plan = plan_columns(None, [tensor("X", "FP32", (-1, 2))])
    with pytest.raises(DoesNotFit) as refusal:
        plan.feeds([row])
    assert str(refusal.value) == message


def test_a_column_goes_to_the_input_that_the_card_names() -> None:
    columns = (Column(name="petal length (cm)", type="double", input="petal_length"), Column(name="b", type="double"))
    inputs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 1)) for name in ("petal_length", "b"))

    feeds = plan_columns(columns, inputs).feeds([{"petal length (cm)": 1.5, "b": 2}])

    assert {name: array.tolist() for name, array in feeds.items()} == {"petal_length": [[1.5]], "b": [[2.0]]}


@pytest.mark.parametrize("when", ["2026-01-01T00:00:00", 7, None])
def test_a_column_that_the_graph_does_not_use_may_be_of_any_type(when: object) -> None:
    columns = (Column(name="a", type="double"), Column(name="b", type="double"), Column(name="at", type="datetime"))
    inputs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1,)) for name in ("a", "b"))

    feeds = plan_columns(columns, inputs).feeds([{"a": 1, "b": 2, "at": when}])

    assert sorted(feeds) == ["a", "b"]
