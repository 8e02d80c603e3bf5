"""The command as a user runs it, against a real MLflow server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd
import pytest
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.models import Model

from fraud_detection.data import FEATURES, LABEL, onnx_inputs


def run_train(uri: str, *arguments: str, tries_again: int = 3) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fraud_detection", "train", "--tracking-uri", uri, *arguments]
    environment = {**os.environ, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": str(tries_again)}
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, env=environment)


def outcome_of(finished: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert finished.returncode == 0, finished.stderr
    outcome: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return outcome


def answers(folder: Path, frame: pd.DataFrame) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Labels and probabilities from the registered bytes."""
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    labels, probabilities = session.run(["label", "probabilities"], onnx_inputs(frame))
    return np.asarray(labels), np.asarray(probabilities)


@pytest.fixture(scope="module")
def client(mlflow_uri: str) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(tracking_uri=mlflow_uri, registry_uri=mlflow_uri)


@pytest.fixture(scope="module")
def small(mlflow_uri: str) -> dict[str, Any]:
    """A version from few rows, under a name of its own, with the alias moved to it."""
    return outcome_of(
        run_train(mlflow_uri, "--rows", "1500", "--seed", "3", "--registered-name", "small", "--alias", "champion")
    )


@pytest.fixture(scope="module")
def version(small: dict[str, Any], client: mlflow.MlflowClient) -> ModelVersion:
    return client.get_model_version("small", small["version"])


@pytest.fixture(scope="module")
def run(small: dict[str, Any], client: mlflow.MlflowClient) -> Run:
    return client.get_run(small["run_id"])


@pytest.fixture(scope="module")
def folder(mlflow_uri: str, version: ModelVersion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The version's files, fetched as the model store fetches them."""
    mlflow.set_tracking_uri(mlflow_uri)
    target = tmp_path_factory.mktemp("version")
    return Path(mlflow.artifacts.download_artifacts(f"models:/small/{version.version}", dst_path=str(target)))


def test_the_version_is_registered_from_its_run_and_the_alias_names_it(
    small: dict[str, Any], version: ModelVersion, client: mlflow.MlflowClient
) -> None:
    assert version.run_id == small["run_id"]
    assert str(client.get_model_version_by_alias("small", "champion").version) == small["version"]


def test_the_run_has_the_parameters_and_both_aucs(small: dict[str, Any], run: Run) -> None:
    assert run.data.params == {
        "n_estimators": "200",
        "learning_rate": "0.05",
        "max_depth": "4",
        "seed": "3",
        "rows": "1500",
        "drift": "0.0",
    }
    assert run.data.metrics["auc_test"] == pytest.approx(small["auc_test"])
    assert run.data.metrics["auc_train"] == pytest.approx(small["auc_train"])
    assert run.info.status == "FINISHED"


def test_the_version_has_a_signature_with_every_feature(folder: Path) -> None:
    signature = Model.load(str(folder)).signature
    assert tuple(signature.inputs.input_names()) == FEATURES
    assert signature.outputs.input_names() == ["label", "probabilities"]


def test_the_input_example_is_answered_by_the_registered_bytes(folder: Path) -> None:
    example = pd.DataFrame(Model.load(str(folder)).load_input_example(str(folder)))
    labels, probabilities = answers(folder, example)
    assert labels.shape == (len(example),)
    assert probabilities.shape == (len(example), 2)


def test_the_reference_sample_has_features_truth_and_the_answers_of_the_registered_bytes(folder: Path) -> None:
    reference = pd.read_csv(folder / "extra_files" / "reference.csv")
    assert tuple(reference.columns) == (*FEATURES, LABEL, "prediction")
    assert len(reference) == 1000
    _, probabilities = answers(folder, reference)
    assert reference["prediction"].to_numpy() == pytest.approx(probabilities[:, 1], abs=1e-5)


def test_parity_is_measured_on_the_test_rows_and_tracked(small: dict[str, Any], run: Run) -> None:
    assert small["parity"]["rows"] == 500
    assert small["parity"]["labels_that_differ"] == 0
    assert 0 <= run.data.metrics["parity_max_difference"] < 1e-5


def test_the_same_seed_trained_again_is_the_next_version_with_the_same_bytes(
    mlflow_uri: str, small: dict[str, Any], folder: Path, tmp_path: Path
) -> None:
    again = outcome_of(run_train(mlflow_uri, "--rows", "1500", "--seed", "3", "--registered-name", "small"))
    assert int(again["version"]) == int(small["version"]) + 1
    mlflow.set_tracking_uri(mlflow_uri)
    fetched = Path(mlflow.artifacts.download_artifacts(f"models:/small/{again['version']}", dst_path=str(tmp_path)))
    for name in ("model.onnx", "input_example.json", "extra_files/reference.csv"):
        assert (fetched / name).read_bytes() == (folder / name).read_bytes(), name


def test_with_the_full_parameters_the_test_auc_is_about_nine_tenths(mlflow_uri: str) -> None:
    outcome = outcome_of(run_train(mlflow_uri, "--seed", "1"))
    assert outcome["model"] == "fraud-detector"
    assert 0.88 <= outcome["auc_test"] <= 0.94
    assert outcome["auc_test"] < outcome["auc_train"]


def test_without_mlflow_it_fails_before_it_trains_and_names_the_address() -> None:
    finished = run_train("http://127.0.0.1:9", "--rows", "1500", tries_again=0)
    assert finished.returncode == 1
    assert "could not reach MLflow at http://127.0.0.1:9" in finished.stderr
    assert "MLFLOW_TRACKING_URI" in finished.stderr
    assert "trees" not in finished.stdout
