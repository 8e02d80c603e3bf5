"""What a model file says before anything runs."""

from pathlib import Path

import onnx
import onnxruntime
import pytest

from penstock_model_store.errors import (
    EmptyModel,
    ExternalDataOutside,
    ExternalDataTruncated,
    NotOnnx,
    ReservedName,
    TruncatedModel,
    UnsupportedOperator,
    UnsupportedOpset,
)
from penstock_model_store.onnx_graph import (
    NEWEST_OPSETS,
    check_data_sizes,
    check_graph,
    external_files,
    parsed_model,
)
from penstock_testing.onnx_models import affine_model, external_tensor


@pytest.fixture
def model_path(tmp_path: Path) -> Path:
    return tmp_path / "model.onnx"


def test_a_good_model_is_read_and_passes(model_path: Path) -> None:
    model_path.write_bytes(affine_model(2.0, 1.0).SerializeToString())

    model = parsed_model(model_path)

    check_graph(model_path, model)
    assert external_files("model.onnx", model) == {}


def test_a_model_cut_anywhere_is_never_taken_for_a_whole_one(model_path: Path) -> None:
    model = affine_model(2.0, 1.0)
    del model.opset_import[1]
    whole = model.SerializeToString()

    for length in range(1, len(whole)):
        model_path.write_bytes(whole[:length])
        with pytest.raises(TruncatedModel):
            parsed_model(model_path)


def test_no_bytes_are_an_empty_model(model_path: Path) -> None:
    model_path.write_bytes(b"")

    with pytest.raises(EmptyModel, match="0 bytes"):
        parsed_model(model_path)


@pytest.mark.parametrize(
    "content",
    [b"<html>not found</html>", b"PK\x03\x04zip", b"\x80\x04\x95pickle", b"\xff" * 100, b"\n" * 64, b"\0" * 64],
)
def test_other_bytes_are_not_onnx(content: bytes, model_path: Path) -> None:
    model_path.write_bytes(content)

    with pytest.raises(NotOnnx, match=r"model\.onnx is not an ONNX model"):
        parsed_model(model_path)


@pytest.mark.parametrize("location", ["/etc/passwd", "../x", "a/../../x", "", "C:\\x"])
def test_data_outside_the_artifact_is_refused_with_tensor_and_place(location: str) -> None:
    model = affine_model(2.0, 1.0)
    model.graph.initializer[0].CopyFrom(external_tensor("slope", location))

    with pytest.raises(ExternalDataOutside, match="tensor slope"):
        external_files("model.onnx", model)


@pytest.mark.parametrize(
    "location", ["card.json", "signature.json", "input_example.json", "reference.csv", "model.onnx"]
)
def test_data_may_not_take_a_name_that_the_store_uses(location: str) -> None:
    model = affine_model(2.0, 1.0)
    model.graph.initializer[0].CopyFrom(external_tensor("slope", location))

    with pytest.raises(ReservedName, match=location):
        external_files("model.onnx", model)


def test_tensors_in_a_function_are_seen() -> None:
    model = affine_model(2.0, 1.0)
    constant = onnx.helper.make_node("Constant", [], ["c"], value=external_tensor("hidden", "../x"))
    function = onnx.helper.make_function("local", "f", [], ["c"], [constant], [onnx.helper.make_opsetid("", 20)])
    model.functions.append(function)

    with pytest.raises(ExternalDataOutside, match="tensor hidden"):
        external_files("model.onnx", model)


def test_a_data_file_must_reach_to_its_last_tensor(tmp_path: Path) -> None:
    model = affine_model(2.0, 1.0)
    model.graph.initializer[0].CopyFrom(external_tensor("slope", "weights.bin", size=400))
    needed = external_files("model.onnx", model)
    (tmp_path / "weights.bin").write_bytes(b"0" * 399)

    assert needed == {"weights.bin": 400}
    with pytest.raises(ExternalDataTruncated, match="399 bytes"):
        check_data_sizes(tmp_path, needed)


@pytest.mark.parametrize(("domain", "version"), [("", 29), ("ai.onnx.ml", 6), ("", 2**62)])
def test_an_operator_set_from_the_future_is_refused(domain: str, version: int, model_path: Path) -> None:
    model = affine_model(2.0, 1.0)
    del model.opset_import[:]
    model.opset_import.add(domain=domain, version=version)
    model_path.write_bytes(model.SerializeToString())

    with pytest.raises(UnsupportedOpset, match=str(version)):
        check_graph(model_path, model)


@pytest.mark.parametrize(("domain", "newest"), NEWEST_OPSETS.items())
def test_the_newest_operator_sets_are_those_of_the_pinned_onnxruntime(domain: str, newest: int) -> None:
    def loads(version: int) -> bool:
        model = affine_model(2.0, 1.0)
        chosen = {"ai.onnx": 20, domain: version}
        del model.opset_import[:]
        for name, number in chosen.items():
            model.opset_import.add(domain="" if name == "ai.onnx" else name, version=number)
        try:
            onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        except Exception:  # noqa: BLE001 - onnxruntime's errors have no common base
            return False
        return True

    assert loads(newest)
    assert not loads(newest + 1)


def test_an_operator_of_a_foreign_domain_is_refused_unless_the_model_defines_it(model_path: Path) -> None:
    model = affine_model(2.0, 1.0)
    model.graph.node[0].domain = "local"
    model.opset_import.add(domain="local", version=1)
    model_path.write_bytes(model.SerializeToString())
    with pytest.raises(UnsupportedOperator, match="domain local"):
        check_graph(model_path, model)

    body = [onnx.helper.make_node("Add", ["a", "b"], ["c"])]
    opsets = [onnx.helper.make_opsetid("", 20)]
    model.functions.append(onnx.helper.make_function("local", "Mul", ["a", "b"], ["c"], body, opsets))
    model_path.write_bytes(model.SerializeToString())
    check_graph(model_path, model)
