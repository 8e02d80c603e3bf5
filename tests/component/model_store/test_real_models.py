"""Models as converters write them: from MLflow through the store into the predictor, each compared with onnxruntime."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper

from penstock_contracts.model_card import Fill, GoldenSource, IngestPhase, IngestStatus, TensorSpec
from penstock_model_store import golden as store_golden
from penstock_predictor.fetch import Fetch
from penstock_predictor.model import golden as predictor_golden
from penstock_predictor.model.loading import ModelSource, load_model
from penstock_predictor.settings import PredictorSettings
from penstock_predictor.tensors.arrays import BY_V2, Array
from penstock_testing.artifacts import write_metadata
from penstock_testing.locales import link_locales
from penstock_testing.mlflow_server import MlflowServer, register_folder
from penstock_testing.onnx_models import model_of

Store = Any  # conftest.Store: importlib mode has no module of that name to import from

DATA = Path(__file__).parents[2] / "data" / "serving"
SERVED = [
    *("e_kmeans", "e_ocsvm", "e_tfidf1", "iris_columns", "linear_q", "mask_min1", "mixed", "norank_in", "norank_out"),
    *("triple", "two_in", "yolo_like"),
]
REFUSED = {
    "bf16_out": ("UnsupportedOutput", "model.float()"),
    "latin1": ("TextNotUnicode", "decode('latin-1').encode()"),
}


@pytest.fixture(scope="module")
def locales(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locales that our images have, made as they make them."""
    return link_locales(tmp_path_factory.mktemp("locales"))


@pytest.fixture
def with_locales(store_with_locales: Store, locales: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The predictor is this process, and has them too."""
    monkeypatch.setenv("LOCPATH", str(locales))
    return store_with_locales


@pytest.fixture(scope="module")
def store_with_locales(start_store: Callable[..., Store], locales: Path) -> Iterator[Store]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCPATH", str(locales))
        yield start_store()


def asked(store: Store, mlflow: MlflowServer, name: str, folder: Path) -> IngestStatus:
    status: IngestStatus = store.settled(register_folder(mlflow.uri, f"real-{name}", folder))
    return status


def folder_with(model: Path | ModelProto, folder: Path) -> Path:
    folder.mkdir()
    if isinstance(model, Path):
        shutil.copy(model, folder / "model.onnx")
    else:
        (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder


def check_served(store: Store, status: IngestStatus, folder: Path) -> None:
    """What the store took, the predictor loads, and answers as onnxruntime alone does."""
    assert status.phase is IngestPhase.READY, f"{status.reason}: {status.message}"
    assert status.card is not None
    digest = status.card.digest
    Fetch(store_url=str(store.client.base_url), digest=digest, folder=folder, timeout_seconds=30).run()
    settings = PredictorSettings(model_dir=folder, model_name="m", model_digest=digest, threads=1)
    loaded = load_model(ModelSource.of(settings), report=lambda _: None)
    feeds = predictor_golden.golden_feeds(status.card.golden, folder)
    answer = loaded.model.infer(feeds)
    alone = onnxruntime.InferenceSession(folder / status.card.model_path, providers=["CPUExecutionProvider"])
    for name, expected in zip(answer, alone.run(list(answer), dict(feeds)), strict=True):
        np.testing.assert_array_equal(answer[name], expected)


@pytest.mark.parametrize("name", SERVED)
def test_it_is_served_right(name: str, with_locales: Store, mlflow: MlflowServer, tmp_path: Path) -> None:
    status = asked(with_locales, mlflow, name, folder_with(DATA / f"{name}.onnx", tmp_path / "artifact"))

    check_served(with_locales, status, tmp_path / "served")


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_the_line_to_write(name: str, store: Store, mlflow: MlflowServer, tmp_path: Path) -> None:
    status = asked(store, mlflow, name, folder_with(DATA / f"{name}.onnx", tmp_path / "artifact"))

    reason, line = REFUSED[name]
    assert (status.phase, status.reason) == (IngestPhase.REFUSED, reason), status.message
    assert line in status.message


def test_the_line_for_text_that_is_not_unicode_works(store: Store, mlflow: MlflowServer, tmp_path: Path) -> None:
    model = ModelProto()
    model.ParseFromString((DATA / "latin1.onnx").read_bytes())
    for t in model.graph.initializer:
        t.string_data[:] = [s.decode("latin-1").encode() for s in t.string_data]

    status = asked(store, mlflow, "latin1-mended", folder_with(model, tmp_path / "artifact"))

    check_served(store, status, tmp_path / "served")


@pytest.mark.parametrize("locale", ["en_US.UTF-8", "tr_TR.UTF-8"])
def test_a_locale_that_the_store_lacks_is_its_own_fault_and_is_tried_again(
    locale: str,
    start_store: Callable[..., Store],
    mlflow: MlflowServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOCPATH", str(tmp_path))
    lowered = helper.make_node("StringNormalizer", ["x"], ["y"], case_change_action="LOWER", locale=locale)
    model = model_of(
        [lowered],
        inputs=[helper.make_tensor_value_info("x", TensorProto.STRING, [1])],
        outputs=[helper.make_tensor_value_info("y", TensorProto.STRING, [1])],
    )

    status = asked(start_store(), mlflow, f"locale-{locale[:2]}", folder_with(model, tmp_path / "artifact"))

    assert (status.phase, status.reason) == (IngestPhase.FAILED, "RuntimeLacks"), status.message
    assert f"the locale {locale}" in status.message
    assert "export" not in status.message


def test_each_element_of_the_noise_tells_its_place() -> None:
    spec = TensorSpec(name="x", datatype="FP32", shape=(1, 3, 640, 640))
    made = store_golden.filled(spec, Fill.NOISE)

    assert np.unique(made).size > 0.99 * made.size


def test_store_and_predictor_make_the_same_request_of_a_fill() -> None:
    shapes = [(), (1,), (7,), (2, 3, 5), (3, 70_000)]
    for datatype in BY_V2:
        for shape in shapes:
            for fill in Fill:
                spec = TensorSpec(name="x", datatype=datatype, shape=shape)
                ours: Array = predictor_golden.fill_tensor(datatype, shape, fill)
                theirs = store_golden.filled(spec, fill)
                assert ours.dtype == theirs.dtype
                np.testing.assert_array_equal(ours, theirs)


def test_an_image_of_a_million_numbers_may_be_the_example(store: Store, mlflow: MlflowServer, tmp_path: Path) -> None:
    """The one row cannot be shortened: it lies beside the card, and of the answer so much as the card may hold."""
    folder = folder_with(DATA / "yolo_like.onnx", tmp_path / "artifact")
    pixels = np.random.default_rng(7).integers(0, 2, (1, 3, 640, 640))  # a digit each: the store takes 8 MiB here
    write_metadata(folder, example={"inputs": pixels.tolist()})

    status = asked(store, mlflow, "yolo-example", folder)

    check_served(store, status, tmp_path / "served")
    assert status.card is not None
    assert status.card.golden.source is GoldenSource.INPUT_EXAMPLE
    assert status.card.golden.request_path == "input_example.json"
    assert len(status.card.model_dump_json()) < 1_000_000, "the controller reads each card"


def windows_of(length: int, *, state: bool) -> ModelProto:
    """Takes only windows of so many samples, beside a state that has the windows' number of rows."""
    nodes = [
        helper.make_node("Reshape", ["sound", "form"], ["windows"]),
        helper.make_node("ReduceMean", ["windows"], ["level"], axes=[1], keepdims=1)
        if not state
        else helper.make_node("ReduceMax", ["windows"], ["level"], keepdims=0),
    ]
    inputs = [helper.make_tensor_value_info("sound", TensorProto.FLOAT, [None, None])]
    if state:
        nodes.append(helper.make_node("Concat", ["sound", "row"], ["joined"], axis=1))
        nodes.append(helper.make_node("Squeeze", ["state", "zero"], ["row"]))
        nodes.insert(2, nodes.pop())
        nodes.append(helper.make_node("Add", ["joined", "level"], ["y"]))
        inputs.append(helper.make_tensor_value_info("state", TensorProto.FLOAT, [1, None, 8]))
    else:
        nodes.append(helper.make_node("Identity", ["level"], ["y"]))
    return model_of(
        nodes,
        inputs=inputs,
        outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])],
        initializers=[
            helper.make_tensor("form", TensorProto.INT64, [2], [-1, length]),
            helper.make_tensor("zero", TensorProto.INT64, [1], [0]),
        ],
        opset=17,
    )


@pytest.mark.parametrize(("length", "state"), [(512, True), (640, False), (224, True)])
def test_a_model_that_takes_only_some_sizes_is_guessed(
    length: int, *, state: bool, store: Store, mlflow: MlflowServer, tmp_path: Path
) -> None:
    folder = folder_with(windows_of(length, state=state), tmp_path / "artifact")

    check_served(store, asked(store, mlflow, f"windows-{length}", folder), tmp_path / "served")


def test_a_model_that_no_guess_fits_is_refused_with_how_to_give_an_example_and_taken_with_it(
    store: Store, mlflow: MlflowServer, tmp_path: Path
) -> None:
    folder = folder_with(windows_of(333, state=False), tmp_path / "artifact")
    refused = asked(store, mlflow, "windows-333", folder)
    write_metadata(folder, example={"inputs": {"sound": np.zeros((1, 333)).tolist()}})

    taken = asked(store, mlflow, "windows-333", folder)

    assert (refused.phase, refused.reason) == (IngestPhase.REFUSED, "GoldenFailed")
    assert "input_example=" in refused.message
    assert "'sound': FP32 [-1, -1]" in refused.message
    check_served(store, taken, tmp_path / "served")


def test_a_sparse_example_is_made_dense(store: Store, mlflow: MlflowServer, tmp_path: Path) -> None:
    folder = folder_with(
        model_of(
            [helper.make_node("Neg", ["x"], ["y"])],
            inputs=[helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])],
            outputs=[helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 4])],
        ),
        tmp_path / "artifact",
    )
    shutil.copy(DATA / "sparse_input_example.json", folder / "input_example.json")

    status = asked(store, mlflow, "sparse", folder)

    check_served(store, status, tmp_path / "served")
    assert status.card is not None
    (question,) = status.card.golden.request.inputs
    assert np.reshape(question.data, question.shape).tolist() == [[0, 2, 0, 0], [0, 0, 0, 3], [5, 0, 0, 0]]
