"""Whose fault a failed run is."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from penstock_predictor.errors import DoesNotFit, InferenceFailed
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model.columns import NoColumns
from penstock_predictor.model.inference import Feeds, Model
from penstock_predictor.model.session import OnnxSession
from penstock_testing import faulty_models, tiny_models

IDENTITY = ModelIdentity(name="m", version="1", digest="sha256:" + "0" * 64)
ONE_ROW = {"x": np.ones((1, 2), np.float32)}


def loaded(file: Path, good: Feeds) -> Model:
    """As it is once it has proved itself with that request."""
    model = Model(IDENTITY, OnnxSession(file, threads=1), NoColumns("none"), max_output_bytes=2**20)
    model.trust(good, model.infer(good))
    return model


def test_inputs_with_different_numbers_of_rows_are_the_callers_mistake(tmp_path: Path) -> None:
    good: Feeds = {"a": np.ones((1, 2), np.float32), "b": np.ones((1, 1), np.int64)}
    model = loaded(tiny_models.two_inputs(tmp_path / "m.onnx"), good)
    with pytest.raises(DoesNotFit, match=r"different numbers of rows, \{'a': 2, 'b': 3\}: send as many of each"):
        model.infer({"a": np.ones((2, 2), np.float32), "b": np.ones((3, 1), np.int64)})


def test_more_positions_than_the_model_has_are_the_callers_mistake(tmp_path: Path) -> None:
    model = loaded(tiny_models.positions(tmp_path / "m.onnx"), {"x": np.ones((1, 3), np.float32)})
    with pytest.raises(DoesNotFit, match=r"it answers no input of the shapes \{'x': \[2, 5\]\}"):
        model.infer({"x": np.ones((2, 5), np.float32)})
    assert model.infer({"x": np.ones((2, 4), np.float32)})["y"].tolist() == [[2] * 4] * 2


def failing(file: Path) -> Path:
    faulty_models.failing(1.0)(file.parent)
    return file


@pytest.mark.parametrize(
    ("build", "rows"),
    [
        pytest.param(tiny_models.only_alone, 2, id="any second row"),
        pytest.param(failing, 1, id="values, in the shape of what it answers"),
        pytest.param(failing, 3, id="values, in another shape"),
    ],
)
def test_what_a_version_should_answer_is_its_own_failure(
    tmp_path: Path, build: Callable[[Path], Path], rows: int
) -> None:
    model = loaded(build(tmp_path / "model.onnx"), ONE_ROW)
    with pytest.raises(InferenceFailed):
        model.infer({"x": np.zeros((rows, 2), np.float32)})


def test_before_anything_is_known_to_be_good_a_failure_is_the_versions(tmp_path: Path) -> None:
    file = tiny_models.positions(tmp_path / "m.onnx")
    model = Model(IDENTITY, OnnxSession(file, threads=1), NoColumns("none"), max_output_bytes=2**20)
    with pytest.raises(InferenceFailed):
        model.infer({"x": np.ones((2, 5), np.float32)})
