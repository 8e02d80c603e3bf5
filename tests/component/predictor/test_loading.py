"""From a folder to a proved model, with real onnxruntime: what is refused, and in which words."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from penstock_predictor.errors import CardInvalid, FileInvalid, GoldenMismatch, ModelUnloadable, StartError
from penstock_predictor.model.inference import ServedModel
from penstock_predictor.model.loading import ModelSource, load_model
from penstock_predictor.settings import PredictorSettings
from penstock_testing import tiny_models

from .conftest import WriteScaled

Damage = Callable[[Path], None]


def load(folder: Path, digest: str = "") -> tuple[ServedModel, list[str]]:
    steps: list[str] = []
    source = ModelSource.of(PredictorSettings(model_dir=folder, model_name="m", model_digest=digest, threads=1))
    return load_model(source, report=steps.append).model, steps


def test_a_good_model_answers_and_every_step_was_reported(tmp_path: Path, write_scaled: WriteScaled) -> None:
    card = write_scaled(tmp_path, factor=3, golden_factor=3)
    model, steps = load(tmp_path, card.digest)
    assert model.identity.digest == card.digest
    assert model.infer({"x": np.ones((1, 2), np.float32)})["y"].tolist() == [[3, 3]]
    assert steps == [
        "verifying the model's files",
        "loading model.onnx",
        "warming up and answering the golden request",
    ]


def test_a_golden_answer_within_the_tolerance_passes(tmp_path: Path, write_scaled: WriteScaled) -> None:
    write_scaled(tmp_path, factor=3, golden_factor=3.002)
    assert load(tmp_path)[0].identity.name == "m"


def flip_last_bit(folder: Path) -> None:
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def lose_file(folder: Path) -> None:
    (folder / "model.onnx").unlink()


def lose_card(folder: Path) -> None:
    (folder / "card.json").unlink()


def unsafe_path(folder: Path) -> None:
    card = folder / "card.json"
    card.write_text(card.read_text().replace('"path":"model.onnx"', '"path":"../model.onnx"'))


def replace_file_by_a_link(folder: Path) -> None:
    (folder / "model.onnx").rename(folder.parent / "elsewhere.onnx")
    (folder / "model.onnx").symlink_to(folder.parent / "elsewhere.onnx")


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (flip_last_bit, FileInvalid, "file 'model.onnx': expected sha256 [0-9a-f]{64}, got "),
        (lose_file, FileInvalid, r"model\.onnx cannot be read: No such file or directory"),
        (lose_card, CardInvalid, r"card\.json is missing, so sha256:[0-9a-f]{64} is not proved: run `fetch` first"),
        (unsafe_path, CardInvalid, r"names the unsafe path '\.\./model\.onnx'"),
        (replace_file_by_a_link, FileInvalid, "is not a regular file inside"),
    ],
)
def test_what_lies_on_disk_is_not_the_model(
    damage: Damage, error: type[StartError], message: str, tmp_path: Path, *, write_scaled: WriteScaled
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    card = write_scaled(folder, factor=3, golden_factor=3)
    damage(folder)
    with pytest.raises(error, match=message):
        load(folder, card.digest)


def test_another_answer_than_the_golden_one(tmp_path: Path, write_scaled: WriteScaled) -> None:
    write_scaled(tmp_path, factor=3, golden_factor=3.1)
    with pytest.raises(GoldenMismatch, match=r"output 'y' at \[0, 0\]: expected 3\.1, got 3\.0"):
        load(tmp_path)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"PK\x03\x04 not onnx")
    with pytest.raises(ModelUnloadable, match=r"model\.onnx: onnxruntime refuses it: "):
        load(tmp_path)


def test_an_input_that_is_no_tensor(tmp_path: Path) -> None:
    tiny_models.sequence_input(tmp_path / "model.onnx")
    with pytest.raises(ModelUnloadable, match=r"input 'pieces' is a seq\(tensor\(float\)\), which cannot be sent"):
        load(tmp_path)
