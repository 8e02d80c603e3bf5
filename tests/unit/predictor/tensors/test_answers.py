"""V2 answers with tensors as bytes, and rows that were written for all calls of a run at once."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from penstock_predictor.identity import ModelIdentity
from penstock_predictor.tensors.answers import InferAnswers, write_table
from penstock_predictor.tensors.arrays import Array

ANSWERS = InferAnswers(ModelIdentity(name='m"', version="7", digest="sha256:" + "0" * 64))
NUMBERS = np.array([[1.5, np.nan]], np.float32)
WORDS = np.array(["né", ""], object)


def test_bytes_follow_the_json_in_the_order_of_the_outputs() -> None:
    body, length = ANSWERS.binary("r", ("a", "b", "c"), [NUMBERS, NUMBERS, WORDS], (True, False, True))
    answer = json.loads(body[:length])
    assert answer["outputs"] == [
        {"name": "a", "datatype": "FP32", "shape": [1, 2], "parameters": {"binary_data_size": 8}},
        {"name": "b", "datatype": "FP32", "shape": [1, 2], "data": [1.5, None]},
        {"name": "c", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 11}},
    ]
    assert (answer["model_name"], answer["model_version"], answer["id"]) == ('m"', "7", "r")
    assert body[length:] == NUMBERS.astype("<f4").tobytes() + b"\x03\0\0\0n\xc3\xa9\0\0\0\0"


def test_a_tensor_without_elements_has_no_bytes() -> None:
    body, length = ANSWERS.binary(None, ("a",), [np.zeros((0, 2), np.int64)], (True,))
    assert json.loads(body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 0}
    assert len(body) == length
    assert b'"id"' not in body


KINDS = ["bool", "int8", "uint64", "float16", "float32", "float64"]


@given(
    some.lists(
        some.tuples(some.sampled_from(KINDS), some.one_of(some.none(), some.integers(1, 3))), min_size=1, max_size=3
    ),
    some.lists(some.integers(1, 3), min_size=1, max_size=4),
    some.integers(0, 2**32),
)
def test_rows_of_a_table_are_written_as_the_rows_alone(
    outputs: list[tuple[str, int | None]], calls: list[int], seed: int
) -> None:
    values = np.random.default_rng(seed)
    names = tuple(f"output {number}" for number in range(len(outputs)))
    arrays: list[Array] = []
    for kind, columns in outputs:
        shape = (sum(calls),) if columns is None else (sum(calls), columns)
        array = values.choice([0.0, 1.0, 1.5, 100.25, np.nan if kind.startswith("float") else 3], shape)
        arrays.append(array.astype(kind))
    table = write_table(arrays)
    assert table is not None
    start = 0
    for rows in calls:
        alone = ANSWERS.json("r", names, [array[start : start + rows] for array in arrays])
        assert ANSWERS.of_table("r", names, table, start, start + rows) == alone
        start += rows


@pytest.mark.parametrize("array", [WORDS, np.zeros((2, 2, 2)), np.zeros((0, 2)), np.zeros((2, 0)), np.float32(1)])
def test_what_is_no_table_of_numbers_is_not_written_as_one(array: Array) -> None:
    assert write_table([np.zeros((2, 2)), np.asarray(array)]) is None
