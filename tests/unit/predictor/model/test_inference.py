"""What converters' models have beside a label: probabilities, or what only looks like them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import DoesNotFit, InferenceFailed
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.model.columns import NoColumns
from penstock_predictor.model.inference import Feeds, ServedModel, are_probabilities, check_feeds
from penstock_predictor.model.loading import ModelSource, load_model
from penstock_predictor.model.session import OnnxSession
from penstock_predictor.settings import PredictorSettings
from penstock_predictor.tensors.arrays import Array, fits
from penstock_testing import faulty_models, tiny_models

IDENTITY = ModelIdentity(name="m", version="1", digest="sha256:" + "0" * 64)
ONE_ROW = {"x": np.ones((1, 2), np.float32)}


def loaded(file: Path, good: Feeds) -> ServedModel:
    """As it is once it has proved itself with that request."""
    model = ServedModel(IDENTITY, OnnxSession(file, threads=1), NoColumns("none"), max_output_bytes=2**20)
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
    model = ServedModel(IDENTITY, OnnxSession(file, threads=1), NoColumns("none"), max_output_bytes=2**20)
    with pytest.raises(InferenceFailed):
        model.infer({"x": np.ones((2, 5), np.float32)})


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


DATA = Path(__file__).parents[3] / "data" / "serving"


@pytest.mark.parametrize(
    ("name", "probabilities"),
    [("mixed", {"probabilities"}), ("e_kmeans", set()), ("e_ocsvm", set())],
    ids=["a classifier", "distances to centres", "scores of one class"],
)
def test_a_model_that_proves_itself_shows_which_it_has(name: str, probabilities: set[str], tmp_path: Path) -> None:
    shutil.copy(DATA / f"{name}.onnx", tmp_path / "model.onnx")
    loaded = load_model(ModelSource.of(PredictorSettings(model_dir=tmp_path, threads=1)), report=lambda _: None)
    assert set(loaded.model.probabilities) == probabilities
