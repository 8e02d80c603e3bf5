"""MLflow's input example in the forms that its versions write."""

import json
from typing import Any

import pytest

from penstock_contracts.inference import InferRequest
from penstock_contracts.model_card import Column, TensorSpec
from penstock_model_store.canonical import canonical_request
from penstock_model_store.errors import InputExampleRefused
from penstock_model_store.examples import request_from_example
from penstock_model_store.golden import MAX_ELEMENTS

MATRIX = (TensorSpec(name="x", datatype="FP32", shape=(-1, 2)),)
VECTOR = (TensorSpec(name="x", datatype="INT64", shape=(-1,)),)
NAMED = (
    TensorSpec(name="amount", datatype="FP32", shape=(-1, 1)),
    TensorSpec(name="country", datatype="BYTES", shape=(-1, 1)),
)
COLUMNS = (Column(name="a", type="double"), Column(name="b", type="double"))


def tensors(request: InferRequest | None) -> dict[str, tuple[tuple[int, ...], list[Any]]]:
    assert request is not None
    return {item.name: (item.shape, item.data) for item in request.inputs}


@pytest.mark.parametrize(
    "document",
    [
        {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]}},
        {"dataframe_split": {"columns": ["b", "a"], "data": [[2, 1], [4, 3]], "index": [0, 1]}},
        {"columns": ["a", "b"], "data": [[1, 2], [3, 4]]},
        {"data": [[1, 2], [3, 4]]},
        {"dataframe_records": [{"a": 1, "b": 2}, {"b": 4, "a": 3}]},
        {"inputs": [[1, 2], [3, 4]]},
        {"inputs": {"x": [[1, 2], [3, 4]]}},
        {"inputs": [{"a": 1, "b": 2}, {"a": 3, "b": 4}]},
        {"instances": [[1, 2], [3, 4]]},
        [[1, 2], [3, 4]],
        {"x": [[1, 2], [3, 4]]},
    ],
    ids=json.dumps,
)
def test_each_form_of_two_rows_becomes_the_same_matrix_in_the_signatures_order(document: Any) -> None:
    request = request_from_example(json.dumps(document), MATRIX, COLUMNS)

    assert tensors(request) == {"x": ((2, 2), [1.0, 2.0, 3.0, 4.0])}


def test_columns_become_inputs_of_their_own() -> None:
    document = {"dataframe_split": {"columns": ["country", "amount"], "data": [["CH", 1.5], ["DE", 2]]}}

    assert tensors(request_from_example(json.dumps(document), NAMED, None)) == {
        "amount": ((2, 1), [1.5, 2.0]),
        "country": ((2, 1), ["CH", "DE"]),
    }


def test_one_record_of_plain_values_is_one_row() -> None:
    document = {"inputs": {"country": "CH", "amount": 1.5}}

    assert tensors(request_from_example(json.dumps(document), NAMED, None)) == {
        "amount": ((1, 1), [1.5]),
        "country": ((1, 1), ["CH"]),
    }


def test_a_vector_input_takes_a_column() -> None:
    assert tensors(request_from_example('{"inputs": {"x": [1, 2]}}', VECTOR, None)) == {"x": ((2,), [1, 2])}


def test_rows_with_missing_values_are_left_out() -> None:
    document = '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, null], [3, 4], [NaN, 1]]}}'

    assert tensors(request_from_example(document, MATRIX, COLUMNS)) == {"x": ((1, 2), [3.0, 4.0])}


@pytest.mark.parametrize(
    "text",
    [
        '{"dataframe_split": {"columns": ["a", "b"], "data": [[1, null]]}}',
        '{"inputs": [[1, null]]}',
        '{"inputs": [[1, Infinity]]}',
        '{"inputs": [[1, 1e300]]}',
        '"a text"',
    ],
)
def test_an_example_that_json_cannot_carry_is_as_good_as_none(text: str) -> None:
    assert request_from_example(text, MATRIX, COLUMNS) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"dataframe_split": {"columns": ["a", "c"], "data": [[1, 2]]}}', "no column b"),
        ('{"dataframe_split": {"columns": ["a", "b"], "data": [[1]]}}', "does not fit"),
        ('{"inputs": [["a", "b"]]}', "takes numbers"),
        ('{"inputs": [[1, 2], [3]]}', "does not fit"),
        ('{"inputs": {"y": [[1, 2]]}}', "does not fit"),
        ('{"dataframe_records": [{"a": 1, "b": 2}, 7]}', "does not fit"),
    ],
)
def test_an_example_that_does_not_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputExampleRefused, match=said):
        request_from_example(text, MATRIX, COLUMNS)


@pytest.mark.parametrize("value", [1.5, 2**70, "a"])
def test_a_value_that_an_integer_input_would_change_is_refused(value: Any) -> None:
    with pytest.raises(InputExampleRefused):
        request_from_example(json.dumps({"inputs": {"x": [value]}}), VECTOR, None)


def test_a_long_example_is_cut_to_the_rows_that_a_card_may_hold() -> None:
    rows = [[1.0, 2.0]] * MAX_ELEMENTS

    request = request_from_example(json.dumps({"inputs": rows}), MATRIX, None)

    assert tensors(request)["x"][0] == (MAX_ELEMENTS // 2, 2)


def test_the_canonical_form_has_exactly_these_bytes() -> None:
    request = request_from_example('{"inputs": [[1, 2.5]]}', MATRIX, None)

    assert request is not None
    assert canonical_request(request) == b'{"inputs":[{"data":[1.0,2.5],"datatype":"FP32","name":"x","shape":[1,2]}]}\n'


@pytest.mark.parametrize(
    "document",
    [
        {"data": [2.0, 3.0], "indices": [1, 0], "indptr": [0, 1, 1, 2], "shape": [3, 2]},
        {"data": [3.0, 2.0], "indices": [2, 0], "indptr": [0, 1, 2], "shape": [3, 2]},
    ],
    ids=["by rows", "by columns"],
)
def test_a_sparse_example_is_made_dense(document: dict[str, Any]) -> None:
    request = request_from_example(json.dumps(document), MATRIX, None)

    assert tensors(request) == {"x": ((3, 2), [0, 2, 0, 0, 3, 0])}


def test_a_sparse_example_that_contradicts_itself_is_refused() -> None:
    document = {"data": [1.0], "indices": [7], "indptr": [0, 1, 1, 1], "shape": [3, 2]}

    with pytest.raises(InputExampleRefused):
        request_from_example(json.dumps(document), MATRIX, None)


def test_a_table_reaches_inputs_of_other_names() -> None:
    inputs = (TensorSpec(name="petal_length__cm_", datatype="FP32", shape=(-1, 1)),)
    columns = (Column(name="petal length (cm)", type="double", input="petal_length__cm_"),)
    document = {"dataframe_split": {"columns": ["petal length (cm)"], "data": [[1.5], [2.5]]}}

    assert tensors(request_from_example(json.dumps(document), inputs, columns)) == {
        "petal_length__cm_": ((2, 1), [1.5, 2.5])
    }
