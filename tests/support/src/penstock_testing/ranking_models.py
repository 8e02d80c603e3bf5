"""Versions whose score ranks requests, well or less well, and the truth that comes later."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from penstock_testing.artifacts import MATRIX_SIGNATURE, write_metadata
from penstock_testing.expectation import Question
from penstock_testing.faulty_models import EXAMPLE, Build
from penstock_testing.onnx_models import model_of

_NOISE = 0.25
"""Standard deviation of what no version can know."""
_HALF = 0.5


def ranking(intercept: float, *, confused: float = 0.0) -> Build:
    """`y = first + confused * second + intercept` of `x` with shape [rows, 2]; only the first value tells anything."""
    weights = numpy_helper.from_array(np.array([[1.0], [confused]], dtype=np.float32), "weights")
    shift = numpy_helper.from_array(np.array([intercept], dtype=np.float32), "intercept")
    model = model_of(
        [
            helper.make_node("MatMul", ["x", "weights"], ["weighed"]),
            helper.make_node("Add", ["weighed", "intercept"], ["y"]),
        ],
        inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])],
        initializers=[weights, shift],
    )

    def build(folder: Path) -> None:
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        write_metadata(folder, signature=MATRIX_SIGNATURE, example=EXAMPLE)

    return build


def truth_of(questions: Sequence[Question]) -> list[int]:
    """What each question's label turns out to be: 1 or 0, the more often 1 the larger its first value is."""
    draw = np.random.default_rng(11)
    firsts = np.array([question.feed["x"][0, 0] for question in questions])
    return [int(value > _HALF) for value in firsts + draw.normal(scale=_NOISE, size=len(firsts))]
