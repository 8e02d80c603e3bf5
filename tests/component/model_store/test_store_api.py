"""The store as a process, beside a real MLflow."""

import hashlib
import json
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import mlflow
import numpy as np
import onnx
import onnxruntime
import pytest
from mlflow.models import infer_signature

from penstock_contracts.digest import digest_of
from penstock_contracts.model_card import Column, GoldenSource, IngestPhase, ModelCard
from penstock_testing.artifacts import MATRIX_SIGNATURE, affine, named_columns, write_metadata
from penstock_testing.mlflow_server import MlflowServer, RegisteredVersion, register_folder, register_in_place
from penstock_testing.onnx_models import affine_model

Store = Any  # conftest.Store: importlib mode has no module of that name to import from
StartStore = Any


def registered(mlflow_uri: str, model: str, tmp_path: Path, slope: float = 2.0) -> RegisteredVersion:
    folder = tmp_path / f"{model}-{slope}"
    folder.mkdir()
    affine(slope, 1.0, reference=True)(folder)
    return register_folder(mlflow_uri, model, folder)


def card_of(store: Store, version: RegisteredVersion) -> ModelCard:
    status = store.settled(version)
    assert status.phase is IngestPhase.READY, f"{status.reason}: {status.message}"
    assert status.card is not None
    return ModelCard.model_validate(status.card)


def test_the_served_bytes_have_the_digest_and_answer_the_golden_request(
    store: Store, mlflow: MlflowServer, tmp_path: Path
) -> None:
    card = card_of(store, registered(mlflow.uri, "served", tmp_path))

    answers = {file.path: store.client.get(f"/v1/digests/{card.digest}/files/{file.path}") for file in card.files}
    for name, answer in answers.items():
        (tmp_path / name).write_bytes(answer.content)
    session = onnxruntime.InferenceSession(tmp_path / card.model_path, providers=["CPUExecutionProvider"])
    (question,) = card.golden.request.inputs
    (output,) = map(
        np.asarray,
        session.run(None, {question.name: np.array(question.data, dtype=np.float32).reshape(question.shape)}),
    )

    assert {file.sha256 for file in card.files} == {hashlib.sha256(a.content).hexdigest() for a in answers.values()}
    assert digest_of(card.files) == card.digest
    assert sorted(answers) == ["input_example.json", "model.onnx", "signature.json"]
    assert output.ravel().tolist() == card.golden.response.outputs[0].data == [3.0, 5.0, 7.0, 9.0]
    assert card.golden.source is GoldenSource.INPUT_EXAMPLE
    assert card.columns == (Column(name="a", type="float"), Column(name="b", type="float"))
    assert card.opsets == {"ai.onnx": 20, "ai.onnx.ml": 3}


@pytest.mark.parametrize("where", ["an artifact store", "a folder of the store's machine"])
def test_a_version_whose_source_is_the_file_itself_is_that_model_with_what_lies_beside_it(
    where: str, store: Store, mlflow: MlflowServer, in_place_root: Path, tmp_path: Path
) -> None:
    def build(folder: Path) -> None:
        affine(2.0, 1.0)(folder)
        (folder / "another.onnx").write_bytes(b"no model at all")

    build(tmp_path)
    source = "model/model.onnx"
    if where == "an artifact store":
        version = register_folder(mlflow.uri, "named-by-file", tmp_path, source=source)
    else:
        version = register_in_place(mlflow.uri, "in-place-by-file", build, in_place_root, source=source)
    card = card_of(store, version)
    assert sorted(file.path for file in card.files) == ["input_example.json", "model.onnx", "signature.json"]


def test_the_reference_sample_is_served_and_is_no_part_of_the_digest(
    store: Store, mlflow: MlflowServer, tmp_path: Path
) -> None:
    card = card_of(store, registered(mlflow.uri, "with-reference", tmp_path))
    other = tmp_path / "without"
    other.mkdir()
    affine(2.0, 1.0)(other)
    without = card_of(store, register_folder(mlflow.uri, "without-reference", other))

    answer = store.client.get(f"/v1/digests/{card.digest}/files/{card.reference_path}")

    assert answer.text == "a,b\n1,2\n3,4\n"
    assert "reference.csv" not in {file.path for file in card.files}
    assert without.digest == card.digest


def test_part_of_a_file_can_be_had(store: Store, mlflow: MlflowServer, tmp_path: Path) -> None:
    card = card_of(store, registered(mlflow.uri, "ranges", tmp_path))
    url = f"/v1/digests/{card.digest}/files/model.onnx"

    part = store.client.get(url, headers={"Range": "bytes=2-5"})

    assert part.status_code == httpx.codes.PARTIAL_CONTENT
    assert part.content == store.client.get(url).content[2:6]


def test_what_decides_how_features_become_tensors_is_part_of_the_digest(
    store: Store, mlflow: MlflowServer, tmp_path: Path
) -> None:
    folder, other = tmp_path / "one", tmp_path / "other"
    for path in (folder, other):
        path.mkdir()
        affine(2.0, 1.0)(path)
    write_metadata(other, signature=MATRIX_SIGNATURE[::-1], example={"inputs": [[1.0, 2.0], [3.0, 4.0]]})

    first = card_of(store, register_folder(mlflow.uri, "order-ab", folder))
    second = card_of(store, register_folder(mlflow.uri, "order-ba", other))

    assert [column.name for column in second.columns or ()] == ["b", "a"]
    assert first.digest != second.digest


def test_named_columns_of_several_types(store: Store, mlflow: MlflowServer, tmp_path: Path) -> None:
    folder = tmp_path / "columns"
    folder.mkdir()
    named_columns(0.5)(folder)

    card = card_of(store, register_folder(mlflow.uri, "columns", folder))

    assert [(spec.name, spec.datatype, spec.shape) for spec in card.inputs] == [
        ("amount", "FP32", (-1, 1)),
        ("country", "BYTES", (-1, 1)),
    ]
    assert card.golden.response.outputs[0].data == [21.5, 40.5]


@pytest.mark.parametrize("external", [False, True], ids=["in one file", "external data"])
def test_a_model_that_mlflow_itself_logged(external: bool, store: Store, mlflow_client: None, tmp_path: Path) -> None:
    data = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)
    reference = tmp_path / "reference.csv"
    reference.write_text("x0,x1\n1,2\n")
    with mlflow.start_run():
        info = mlflow.onnx.log_model(
            affine_model(3.0, 0.5) if not external else _wide_model(),
            name="model",
            signature=infer_signature(data, data),
            input_example=data,
            registered_model_name=f"logged-{external}",
            save_as_external_data=external,
            extra_files=[str(reference)],
            pip_requirements=["onnxruntime"],
        )
    version = mlflow.MlflowClient().get_model_version(f"logged-{external}", str(info.registered_model_version))

    asked = RegisteredVersion(
        model=version.name, version=str(version.version), created_at_ms=version.creation_timestamp
    )
    card = card_of(store, asked)

    assert card.golden.source is GoldenSource.INPUT_EXAMPLE
    assert card.golden.response.outputs[0].data == [3.5, 6.5, 9.5, 12.5]
    assert card.reference_path == "reference.csv"
    assert len(card.files) == (3 if external else 2)


def _wide_model() -> Any:
    """As the affine model, with a weight large enough (1 KiB) that MLflow puts it into a file of its own."""
    model = affine_model(3.0, 0.5)
    padding = np.zeros(1024, dtype=np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(padding, "padding"))
    return model


def test_wishes_at_the_same_time_are_one_ingest(store: Store, mlflow: MlflowServer, tmp_path: Path) -> None:
    version = registered(mlflow.uri, "at-once", tmp_path, slope=7.0)
    before = ingests(store)

    threads = [threading.Thread(target=store.ask, args=(version,)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    card_of(store, version)

    assert ingests(store) == before + 1


def ingests(store: Store) -> float:
    lines = store.client.get("/metrics").text.splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("penstock_store_ingests_total{"))


@pytest.mark.parametrize(
    ("method", "path", "code", "said"),
    [
        ("GET", "/v1/registries/default/models/unknown/versions/1", 404, "was not asked for"),
        ("GET", "/v1/registries/other/models/m/versions/1", 404, "the administrator connected default"),
        ("PUT", "/v1/registries/other/models/m/versions/1", 404, "no registry 'other'"),
        ("PUT", "/v1/registries/default/models/m/versions/latest", 422, "version"),
        ("GET", "/v1/digests/sha256:00", 404, "not held"),
        ("GET", "/v1/digests/..%2F..%2Fetc/files/passwd", 404, ""),
        ("GET", "/nothing", 404, "Not Found"),
    ],
)
def test_a_question_without_an_answer_says_why(method: str, path: str, code: int, said: str, store: Store) -> None:
    answer = store.client.request(method, path, json={"created_at_ms": 1} if method == "PUT" else None)

    assert answer.status_code == code
    assert said in answer.json()["error"]


@pytest.mark.parametrize("path", ["../card.json", "..%2Fcard.json", "%2Fetc%2Fpasswd", "card.json", "MLmodel"])
def test_no_path_leads_to_a_file_that_the_card_does_not_name(
    path: str, store: Store, mlflow: MlflowServer, tmp_path: Path
) -> None:
    card = card_of(store, registered(mlflow.uri, "paths", tmp_path))

    answer = store.client.get(f"/v1/digests/{card.digest}/files/{path}")

    assert answer.status_code == httpx.codes.NOT_FOUND


def test_a_version_that_is_not_there_fails_and_may_come(store: Store) -> None:
    status = store.settled(RegisteredVersion(model="never-made", version="1", created_at_ms=1))

    assert (status.phase, status.reason) == (IngestPhase.FAILED, "VersionNotFound")


def test_a_creation_time_that_the_registry_does_not_give_is_not_believed(
    store: Store, mlflow: MlflowServer, tmp_path: Path
) -> None:
    version = registered(mlflow.uri, "made-again", tmp_path)
    stale = RegisteredVersion(model=version.model, version=version.version, created_at_ms=version.created_at_ms - 1)

    assert store.settled(stale).reason == "VersionReplaced"
    assert store.settled(version).phase is IngestPhase.READY


def test_cards_and_bytes_are_served_while_the_registry_is_away(
    start_store: StartStore, mlflow: MlflowServer, tmp_path: Path
) -> None:
    version = registered(mlflow.uri, "registry-away", tmp_path)
    first = start_store(tmp_path / "data")
    card = card_of(first, version)
    first.stop()

    second = start_store(tmp_path / "data", uri="http://127.0.0.1:9")
    status = second.ask(version)
    unknown = second.settled(RegisteredVersion(model="unknown", version="1", created_at_ms=1))

    assert status.card == card
    assert second.client.get(f"/v1/digests/{card.digest}/files/model.onnx").status_code == httpx.codes.OK
    assert second.client.get("/v1/digests").json()[0]["digest"] == card.digest
    assert (unknown.phase, unknown.reason) == (IngestPhase.FAILED, "RegistryUnavailable")


@pytest.mark.parametrize("moment", ["staging/*/model/*.onnx", "staging/*/opened.json", "digests/*"])
def test_killed_in_an_ingest_it_holds_all_or_nothing_and_ingests_again(
    moment: str, start_store: StartStore, mlflow: MlflowServer, tmp_path: Path
) -> None:
    version = registered(mlflow.uri, "killed", tmp_path)
    data = tmp_path / "data"
    first = start_store(data)
    first.ask(version)
    wait_for(data, moment)
    first.stop(signal.SIGKILL)

    second = start_store(data)
    held = second.client.get("/v1/digests").json()
    staged = list((data / "staging").iterdir())
    card = card_of(second, version)

    assert staged == []
    assert [item["digest"] for item in held] in ([], [card.digest])
    for file in card.files:
        answer = second.client.get(f"/v1/digests/{card.digest}/files/{file.path}")
        assert hashlib.sha256(answer.content).hexdigest() == file.sha256


def wait_for(folder: Path, pattern: str) -> None:
    deadline = time.monotonic() + 60
    while not list(folder.glob(pattern)):
        assert time.monotonic() < deadline, f"nothing like {pattern} came up in {folder}"
        time.sleep(0.001)


def test_stopped_in_an_ingest_it_ends_in_order_and_leaves_nothing(
    start_store: StartStore, mlflow: MlflowServer, tmp_path: Path
) -> None:
    version = registered(mlflow.uri, "stopped", tmp_path)
    store = start_store(tmp_path / "data")
    store.ask(version)

    code = store.stop()

    assert code == -signal.SIGTERM
    assert list((tmp_path / "data" / "staging").iterdir()) == []


class LyingRegistry(BaseHTTPRequestHandler):
    """An MLflow whose artifact store lists what it should not, and whose version is otherwise in order."""

    listing: list[dict[str, Any]] = []  # noqa: RUF012 - the server makes a handler for each request

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.endswith("/registered-models/get"):
            self._answer({"registered_model": {"name": "m"}})
        elif path.endswith("/model-versions/get"):
            self._answer({"model_version": _LYING_VERSION})
        elif path.endswith("/model-versions/get-download-uri"):
            self._answer({"artifact_uri": "mlflow-artifacts:/1/model"})
        elif path.endswith("/mlflow-artifacts/artifacts"):
            self._answer({"files": self.listing})
        else:
            self.send_error(404)

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep quiet."""


_LYING_VERSION = {
    "name": "m",
    "version": "1",
    "creation_timestamp": 5,
    "last_updated_timestamp": 5,
    "status": "READY",
    "source": "mlflow-artifacts:/1/model",
}


@pytest.mark.parametrize(
    ("path", "reason"),
    [("../../../../etc/passwd", "PathRefused"), ("/etc/passwd", "PathRefused")],
)
def test_a_listing_that_leads_out_of_the_folder_is_refused(
    path: str, reason: str, start_store: StartStore, tmp_path: Path
) -> None:
    listing = [{"path": path, "is_dir": False, "file_size": 10}]
    handler = type("Handler", (LyingRegistry,), {"listing": listing})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    store = start_store(tmp_path / "data", uri=f"http://127.0.0.1:{server.server_port}")

    status = store.settled(RegisteredVersion(model="m", version="1", created_at_ms=5))
    server.shutdown()
    server.server_close()

    assert (status.phase, status.reason) == (IngestPhase.REFUSED, reason), status.message
