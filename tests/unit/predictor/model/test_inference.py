"""What the core refuses before onnxruntime sees it, whatever the transport."""

from typing import Any

import numpy as np
import pytest

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import DoesNotFit
from penstock_predictor.model.inference import are_probabilities, check_feeds
from penstock_predictor.tensors.datatypes import Array
from penstock_predictor.tensors.shapes import fits

SPECS = (
    TensorSpec(name="x", datatype="FP32", shape=(-1, 2)),
    TensorSpec(name="s", datatype="BYTES", shape=(-1,)),
)
GOOD = {"x": np.zeros((3, 2), np.float32), "s": np.array(["a", "b", "c"], dtype=object)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"z": np.zeros(1)}, "unknown input 'z': this model takes ['x', 's']"),
        ({"x": np.zeros((3, 2))}, "input 'x': this model takes FP32, the request says FP64"),
        ({"x": np.zeros((3, 3), np.float32)}, "input 'x': expected shape [-1, 2] (-1: any size), got [3, 3]"),
        ({"s": np.zeros((3, 1), object)}, "input 's': expected shape [-1] (-1: any size), got [3, 1]"),
    ],
)
def test_a_tensor_that_does_not_fit_is_named(changes: dict[str, Array], message: str) -> None:
    with pytest.raises(DoesNotFit) as refusal:
        check_feeds(SPECS, GOOD | changes)
    assert str(refusal.value) == message


def test_a_missing_tensor_is_named() -> None:
    with pytest.raises(DoesNotFit, match=r"input 's' is missing: this model takes \['x', 's'\]"):
        check_feeds(SPECS, {"x": GOOD["x"]})


@pytest.mark.parametrize(
    ("shape", "pattern", "fit"),
    [((), (), True), ((3,), (-1,), True), ((3, 2), (-1, 2), True), ((3, 1), (-1, 2), False), ((3,), (-1, 1), False)],
)
def test_shapes_and_patterns(shape: tuple[int, ...], pattern: tuple[int, ...], *, fit: bool) -> None:
    assert fits(shape, pattern) is fit


@pytest.mark.parametrize(
    ("rows", "are"),
    [
        ([[0.25, 0.75], [1, 0]], True),
        ([[0.3333, 0.3333, 0.3333]], True),
        ([[0.5, 0.25]], False),
        ([[1.5, -0.5]], False),
        ([[3.2, 0.1]], False),
        ([[0.7]], False),
        ([[np.nan, 1]], False),
        ([0.25, 0.75], False),
        (np.zeros((0, 2)), False),
    ],
)
def test_probabilities_lie_between_0_and_1_and_add_up_to_1(rows: Any, *, are: bool) -> None:
    assert are_probabilities(np.array(rows, np.float32)) is are
