"""How tensors become blocks of named columns."""

import functools
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import helper

from penstock_contracts.model_card import Column
from penstock_contracts.records import RecordBlock
from penstock_predictor.records.columns import Columns, UnknownColumn, as_text, column_names, pseudonym
from penstock_testing import tiny_models

from .conftest import LoadModel


def test_it_is_the_beginning_of_the_sha256_of_the_text() -> None:
    assert pseudonym("née") == hashlib.sha256("née".encode()).hexdigest()[:16]


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (7, "7"), (0.5, "0.5"), ("7", "7")])
def test_numbers_are_hashed_as_text(value: object, text: str) -> None:
    assert as_text(value) == text
    assert pseudonym(value) == pseudonym(text)


@pytest.mark.parametrize("missing", [math.nan, ""])
def test_what_is_missing_stays_missing(missing: object) -> None:
    assert pseudonym(missing) == ""


triple = functools.partial(tiny_models.scaled, factor=3)
AGE_AND_PAY = [Column(name="age", type="float"), Column(name="pay", type="float")]


def image(file: Path) -> Path:
    """`y = x`, FP32 of shape [rows, 3, 2, 2]."""
    shape = ("rows", 3, 2, 2)
    node = helper.make_node("Identity", ["x"], ["y"])
    return tiny_models.save(
        file, [node], [tiny_models.tensor("x", "FP32", shape)], [tiny_models.tensor("y", "FP32", shape)]
    )


def blocks(columns: Columns, tensor: str, array: Any, rows: int | None = None) -> list[tuple[RecordBlock, object]]:
    return [(cut.block, cut.of(array)) for cut in columns.cuts(tensor, array, rows if rows is not None else len(array))]


def floats(*values: float) -> bytes:
    return np.array(values, dtype="<f4").tobytes()


TABLE = np.array([[1, 2], [3, 4]], dtype=np.float32)


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ((), ("t",)),
        ((1,), ("t",)),
        ((3,), ("t[0]", "t[1]", "t[2]")),
        ((512,), tuple(f"t[{place}]" for place in range(512))),
        ((513,), None),
        ((0,), None),
        ((2, 2), None),
    ],
    ids=str,
)
def test_columns_that_nobody_named(row: Sequence[int], names: tuple[str, ...] | None) -> None:
    assert column_names("t", row) == names


def test_one_input_with_all_columns_has_the_names_of_the_signature(load_model: LoadModel) -> None:
    columns = Columns(load_model(triple, AGE_AND_PAY))
    assert blocks(columns, "x", TABLE) == [(RecordBlock(("age", "pay"), "FP32"), floats(1, 2, 3, 4))]
    assert blocks(columns, "y", TABLE) == [(RecordBlock(("y[0]", "y[1]"), "FP32"), floats(1, 2, 3, 4))]


def test_an_input_for_each_column_has_the_columns_name(load_model: LoadModel) -> None:
    signature = [
        Column(name="Spent", type="float", input="amount"),
        Column(name="Land", type="string", input="country"),
        Column(name="unused", type="float"),
    ]
    columns = Columns(load_model(tiny_models.mixed_columns, signature), exclude=["unused"])
    assert blocks(columns, "amount", TABLE[:, :1]) == [(RecordBlock(("Spent",), "FP32"), floats(1, 3))]
    texts = np.array([["a"], ["née"]], dtype=object)
    assert blocks(columns, "country", texts) == [(RecordBlock(("Land",), "BYTES"), ["a", "née"])]


def test_an_image_has_no_block(load_model: LoadModel) -> None:
    columns = Columns(load_model(image))
    assert blocks(columns, "x", np.zeros((2, 3, 2, 2), np.float32)) == []


def test_a_tensor_with_other_rows_than_the_request_has_no_block(load_model: LoadModel) -> None:
    columns = Columns(load_model(triple))
    assert blocks(columns, "x", TABLE, rows=3) == []
    assert blocks(columns, "x", np.array(1.0, dtype=np.float32), rows=1) == []


def test_short_floats_are_widened(load_model: LoadModel) -> None:
    columns = Columns(load_model(tiny_models.doubled))
    assert blocks(columns, "x", TABLE.astype(np.float16)) == [
        (RecordBlock(("x[0]", "x[1]"), "FP32"), floats(1, 2, 3, 4))
    ]


@pytest.mark.parametrize("datatype", [np.bool_, np.int64, np.float64, np.uint8])
def test_numbers_travel_as_they_are(datatype: type[np.generic], load_model: LoadModel) -> None:
    values = np.array([[1, 0], [0, 1]], dtype=datatype)
    ((block, content),) = blocks(Columns(load_model(triple)), "x", values)
    assert content == values.tobytes()
    assert block.datatype == {"bool": "BOOL", "int64": "INT64", "float64": "FP64", "uint8": "UINT8"}[datatype.__name__]


def test_an_excluded_column_is_cut_out_and_a_hashed_one_becomes_text(load_model: LoadModel) -> None:
    model = load_model(triple, AGE_AND_PAY)
    assert blocks(Columns(model, exclude=["age"]), "x", TABLE) == [(RecordBlock(("pay",), "FP32"), floats(2, 4))]
    assert blocks(Columns(model, exclude=["age", "pay"]), "x", TABLE) == []
    assert blocks(Columns(model, hashed=["age"]), "x", TABLE) == [
        (RecordBlock(("pay",), "FP32"), floats(2, 4)),
        (RecordBlock(("age",), "BYTES"), [pseudonym(1.0), pseudonym(3.0)]),
    ]


def test_who_excludes_and_hashes_excludes(load_model: LoadModel) -> None:
    columns = Columns(load_model(triple, AGE_AND_PAY), exclude=["age"], hashed=["age"])
    assert [block.names for block, _ in blocks(columns, "x", TABLE)] == [("pay",)]


@pytest.mark.parametrize("word", ["exclude", "hashed"])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(word: str, load_model: LoadModel) -> None:
    with pytest.raises(UnknownColumn) as refused:
        Columns(load_model(triple, AGE_AND_PAY), **{word: ["age", "Pay"]})
    said = str(refused.value)
    assert "'Pay'" in said
    assert "['age', 'pay', 'y[0]', 'y[1]']" in said
    assert f"PENSTOCK_RECORDS_{word.upper().removesuffix('ED')}" in said


def test_columns_of_a_tensor_as_wide_as_requests_say_are_believed(load_model: LoadModel) -> None:
    columns = Columns(load_model(tiny_models.matrix), exclude=["x[1]", "y"])
    assert [block.names for block, _ in blocks(columns, "x", TABLE)] == [("x[0]",)]
    assert blocks(columns, "y", TABLE[:, :1]) == []
    with pytest.raises(UnknownColumn):
        Columns(load_model(tiny_models.matrix), exclude=["w[1]"])
