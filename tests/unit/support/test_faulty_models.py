"""Each faulty model passes the store's own opening, answers its example right, and fails where it is meant to."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from penstock_contracts.model_card import GoldenSource
from penstock_testing.faulty_models import Build, failing, hanging, hungry, slow
from penstock_testing.store_opening import opened

EVENLY = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95]
INTERCEPT = 5.0


def session(build: Build, folder: Path) -> onnxruntime.InferenceSession:
    build(folder)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # that it fails is the point
    return onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])


def row(first: float) -> NDArray[np.float32]:
    return np.array([[first, -2.0]], dtype=np.float32)


def answer(model: onnxruntime.InferenceSession, x: NDArray[np.float32]) -> list[float]:
    (y,) = model.run(["y"], {"x": x})
    return [round(float(value), 4) for value in np.asarray(y).ravel()]


@pytest.mark.parametrize(
    "build",
    [failing(INTERCEPT), failing(INTERCEPT, share=0.2), slow(INTERCEPT, rounds=2), hanging(INTERCEPT)],
    ids=["failing", "failing-at-a-fifth", "slow", "hanging"],
)
def test_the_store_accepts_it_with_its_own_example_as_golden_request(build: Build, tmp_path: Path) -> None:
    build(tmp_path)
    outcome = opened(tmp_path / "model.onnx", tmp_path / "serving_input_example.json")
    assert outcome.inspection is not None, outcome.message
    golden = outcome.inspection.golden
    assert golden.source is GoldenSource.INPUT_EXAMPLE
    assert golden.request.inputs[0].data == [1.0, 2.0, 3.0, 4.0]
    assert golden.response.outputs[0].data == [7.0, 9.0, 11.0, 13.0]


@pytest.mark.parametrize(("share", "failures"), [(0.2, 2), (0.5, 5), (1.0, 10)])
def test_a_failing_model_fails_at_its_share_of_evenly_spread_questions(
    share: float, failures: int, tmp_path: Path
) -> None:
    model = session(failing(INTERCEPT, share=share), tmp_path)
    for first in EVENLY[:failures]:
        with pytest.raises(onnxruntime.capi.onnxruntime_pybind11_state.Fail, match="cannot be reshaped"):
            model.run(None, {"x": row(first)})
    assert [answer(model, row(first)) for first in EVENLY[failures:]] == [
        [round(2 * first + INTERCEPT, 4), 1.0] for first in EVENLY[failures:]
    ]


def test_a_slow_model_answers_right_in_the_end(tmp_path: Path) -> None:
    model = session(slow(INTERCEPT, rounds=3, share=0.5), tmp_path)
    assert answer(model, row(0.25)) == [5.5, 1.0]
    assert answer(model, row(0.75)) == [6.5, 1.0]


def test_a_hungry_model_answers_right_where_it_has_its_memory(tmp_path: Path) -> None:
    model = session(hungry(INTERCEPT, mebibytes=1), tmp_path)
    assert answer(model, row(0.25)) == [5.5, 1.0]
