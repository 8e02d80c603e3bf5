"""A model that keeps its weights in files beside itself, served without a card."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from penstock_predictor.model.loading import ModelSource, load_model
from penstock_predictor.model.rows.onnx_file import external_files
from penstock_testing.onnx_models import affine_model, external_tensor, save_with_external_data


def source(folder: Path) -> ModelSource:
    return ModelSource(
        folder=folder,
        name="m",
        version="1",
        digest="",
        threads=1,
        device="cpu",
        max_output_bytes=2**20,
        max_batch_size=1,
        model_file="",
    )


def test_replaced_weights_are_another_model(tmp_path: Path) -> None:
    digests = []
    for slope in (2.0, 3.0):
        (tmp_path / "weights.bin").unlink(missing_ok=True)
        save_with_external_data(affine_model(slope, 1.0), tmp_path / "model.onnx", "weights.bin")
        loaded = load_model(source(tmp_path), report=lambda _: None)
        answer = loaded.model.infer({"x": np.ones((1, 2), np.float32)})
        assert answer["y"].tolist() == [[slope + 1.0] * 2]
        digests.append((loaded.model.identity.digest, (tmp_path / "model.onnx").read_bytes()))
    assert digests[0][1] == digests[1][1]
    assert digests[0][0] != digests[1][0]


@pytest.mark.parametrize("inside", ["a branch", "a constant"])
def test_weights_of_inner_tensors_are_found(tmp_path: Path, inside: str) -> None:
    constant = helper.make_node("Constant", [], ["y"])
    constant.attribute.append(helper.make_attribute("value", external_tensor("c", "folder/inner.bin")))
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    if inside == "a branch":
        branch = helper.make_graph([constant], "branch", [], [y])
        constant = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    x = helper.make_tensor_value_info("x", TensorProto.BOOL, [])
    graph = helper.make_graph([constant], "g", [x], [y], [external_tensor("z", "outer.bin")])
    file = tmp_path / "model.onnx"
    file.write_bytes(helper.make_model(graph).SerializeToString())
    assert external_files(file) == ("folder/inner.bin", "outer.bin")
