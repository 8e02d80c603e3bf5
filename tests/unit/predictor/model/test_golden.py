"""How near the golden answer must be, for every type, and what the last words of a pod say when it is not."""

import math
from typing import Any

import numpy as np
import pytest

from penstock_contracts.inference import InferResponse, ResponseOutput
from penstock_contracts.model_card import Fill, TensorSpec
from penstock_predictor.errors import GoldenMismatch
from penstock_predictor.model.golden import compare, guesses
from penstock_predictor.tensors.arrays import BY_V2, Array, fits


def answer(datatype: str, data: list[Any], shape: tuple[int, ...] | None = None) -> InferResponse:
    output = ResponseOutput(name="y", shape=shape or (len(data),), datatype=datatype, data=data)
    return InferResponse(model_name="m", outputs=(output,))


def actual(datatype: str, data: list[Any]) -> dict[str, Array]:
    return {"y": np.array(data, dtype=BY_V2[datatype].numpy)}


@pytest.mark.parametrize(
    ("datatype", "expected", "got"),
    [
        ("FP32", 1.0, 1.0009),
        ("FP32", 0.0, 9e-6),
        ("FP64", 1000.0, 1000.9),
        ("FP16", 1.0, 1.009),
        ("FP32", None, math.nan),
        ("FP32", None, math.inf),
        ("INT64", 3, 3),
        ("UINT64", 2**64 - 1, 2**64 - 1),
        ("BYTES", "yes", "yes"),
        ("BOOL", True, True),
    ],
)
def test_within_tolerance(datatype: str, expected: object, got: object) -> None:
    golden = answer(datatype, [expected])
    compare(golden, actual(datatype, [got]))
    assert golden.outputs[0].datatype == datatype


@pytest.mark.parametrize(
    ("datatype", "expected", "got"),
    [
        ("FP32", 1.0, 1.002),
        ("FP32", 0.0, 2e-5),
        ("FP64", 1000.0, 1002.0),
        ("FP16", 1.0, 1.05),
        ("FP32", None, 1.0),
        ("FP32", 1.0, math.nan),
        ("FP32", 1.0, math.inf),
        ("INT64", 3, 4),
        ("UINT64", 2**64 - 1, 2**64 - 2),
        ("BYTES", "yes", "no"),
        ("BOOL", True, False),
    ],
)
def test_beyond_tolerance(datatype: str, expected: object, got: object) -> None:
    with pytest.raises(GoldenMismatch, match="golden request: output 'y' at \\[0\\]: expected"):
        compare(answer(datatype, [expected]), actual(datatype, [got]))


def test_the_message_names_tensor_position_values_and_how_many() -> None:
    with pytest.raises(GoldenMismatch) as mismatch:
        compare(answer("FP32", [0.5, 0.5, 0.25, 0.75], (2, 2)), {"y": np.full((2, 2), 0.5, np.float32)})
    assert str(mismatch.value) == (
        "golden request: output 'y' at [1, 0]: expected 0.25, got 0.5"
        " (0.001 relative, 1e-05 absolute allowed); 2 of 4 values differ"
    )


@pytest.mark.parametrize(
    ("got", "message"),
    [
        ({}, "output 'y' is missing: got []"),
        ({"y": np.ones(1, np.float64)}, "expected FP32 [1], got FP64 [1]"),
        ({"y": np.ones((1, 1), np.float32)}, "expected FP32 [1], got FP32 [1, 1]"),
    ],
)
def test_another_output_type_or_shape(got: dict[str, Array], message: str) -> None:
    with pytest.raises(GoldenMismatch) as mismatch:
        compare(answer("FP32", [1.0]), got)
    assert message in str(mismatch.value)


def test_a_stored_answer_that_cannot_be_read_is_the_cards_fault() -> None:
    with pytest.raises(GoldenMismatch, match="the card's answer cannot be read"):
        compare(answer("FP32", ["1.0"]), actual("FP32", [1.0]))


def test_every_guess_fits_every_type_and_shape() -> None:
    specs = tuple(
        TensorSpec(name=name, datatype=name, shape=shape)
        for name, shape in zip(BY_V2, [(), (-1,), (-1, 3), (2, -1)] * 4, strict=False)
    )
    tried = list(guesses(specs))
    for feeds in tried:
        for spec in specs:
            assert feeds[spec.name].dtype == BY_V2[spec.datatype].numpy
            assert fits(feeds[spec.name].shape, spec.shape)
    assert len(tried) > len(Fill)


def test_of_an_answer_that_is_kept_in_part_the_kept_values_decide() -> None:
    kept = answer("FP32", [0.0, 3.0, 6.0], shape=(2, 4))
    got: Array = np.arange(8, dtype=np.float32).reshape(2, 4)
    compare(kept, {"y": got}, stride=3)
    got[1, 2] += 1
    with pytest.raises(GoldenMismatch, match=r"at \[1, 2\]: expected 6.0, got 7.0"):
        compare(kept, {"y": got}, stride=3)


def test_an_answer_of_which_too_few_values_are_kept_is_the_cards_fault() -> None:
    with pytest.raises(GoldenMismatch, match="the card's answer cannot be read"):
        compare(answer("FP32", [0.0, 3.0], shape=(2, 4)), {"y": np.zeros((2, 4), dtype=np.float32)}, stride=3)
