"""What converters' models have beside a label: probabilities, or what only looks like them."""

import shutil
from pathlib import Path

import pytest

from penstock_predictor.model.loading import ModelSource, load_model
from penstock_predictor.settings import Settings

DATA = Path(__file__).parents[3] / "data" / "serving"


@pytest.mark.parametrize(
    ("name", "probabilities"),
    [("mixed", {"probabilities"}), ("e_kmeans", set()), ("e_ocsvm", set())],
    ids=["a classifier", "distances to centres", "scores of one class"],
)
def test_a_model_that_proves_itself_shows_which_it_has(name: str, probabilities: set[str], tmp_path: Path) -> None:
    shutil.copy(DATA / f"{name}.onnx", tmp_path / "model.onnx")
    loaded = load_model(ModelSource.of(Settings(model_dir=tmp_path, threads=1)), report=lambda _: None)
    assert set(loaded.model.probabilities) == probabilities
