"""The retraining as its Job runs it: a real MLflow server, a real drift monitor with records and labels."""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import mlflow
import msgspec
import numpy as np
import pandas as pd
import pytest

from fraud_detection.champion import scores_of
from fraud_detection.data import CATEGORICAL, DECIMAL, FEATURES, INTEGER, LABEL, labelled, onnx_inputs
from penstock_contracts.drift import DriftWish, ServedVersion
from penstock_contracts.records import RecordBatch, RecordBlock, RecordedRequest, RecordedRun

ROWS = 5000
PER_BATCH = 500
AT = 4_000_000_000.0
"""Later than any clock: records count as of their arrival."""
STABLE = ServedVersion(version="1", digest="sha256:" + "1" * 64, revision="fraud-1")
INPUTS = tuple(
    RecordBlock((name,), "FP32" if name in DECIMAL else "INT64" if name in INTEGER else "BYTES") for name in FEATURES
)
OUTPUTS = (RecordBlock(("label",), "INT64"), RecordBlock(("probabilities[0]", "probabilities[1]"), "FP32"))


def run(uri: str, *arguments: str, **told: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_TRACKING_URI": uri, **told}
    command = [sys.executable, "-m", "fraud_detection", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=environment)


@pytest.fixture(scope="module")
def client(mlflow_uri: str) -> mlflow.MlflowClient:
    mlflow.set_tracking_uri(mlflow_uri)
    return mlflow.MlflowClient(tracking_uri=mlflow_uri, registry_uri=mlflow_uri)


@pytest.fixture(scope="module")
def strong(mlflow_uri: str, client: mlflow.MlflowClient) -> bytes:
    """The graph of a champion of the undrifted world, trained on all rows: `strong`, version 1."""
    trained = run(mlflow_uri, "train", "--registered-name", "strong", "--alias", "champion")
    assert trained.returncode == 0, trained.stderr
    return (artifact("strong", "1") / "model.onnx").read_bytes()


def artifact(model: str, version: str) -> Path:
    return Path(mlflow.artifacts.download_artifacts(f"models:/{model}/{version}"))


def serve(monitor: httpx.Client, name: str, graph: bytes, frame: pd.DataFrame) -> None:
    """Have users' transactions answered and recorded, as a predictor would."""
    wish = DriftWish(stable=STABLE)
    assert monitor.put(f"/v1/resources/payments/{name}", json=wish.model_dump()).status_code == 200
    scores = scores_of(graph, frame)
    for start in range(0, len(frame), PER_BATCH):
        cut = slice(start, start + PER_BATCH)
        feeds, second = onnx_inputs(frame.iloc[cut]), scores[cut]
        recorded = RecordedRun(
            at=AT + start,
            requests=tuple(RecordedRequest(f"{name}-{start + row}", 1, False) for row in range(len(second))),
            inputs=tuple(
                feeds[column].ravel().tolist() if column in CATEGORICAL else feeds[column].tobytes()
                for column in FEATURES
            ),
            outputs=(
                (second >= 0.5).astype("<i8").tobytes(),
                np.stack([1 - second, second], axis=1).astype("<f4").tobytes(),
            ),
        )
        body = RecordBatch(
            namespace="payments",
            name=name,
            digest=STABLE.digest,
            version=STABLE.version,
            revision=STABLE.revision,
            sender=name,
            number=start // PER_BATCH + 1,
            inputs=INPUTS,
            outputs=OUTPUTS,
            runs=(recorded,),
        )
        assert monitor.post("/v1/records", content=msgspec.msgpack.encode(body)).status_code == 204


def tell_truth(monitor: httpx.Client, name: str, frame: pd.DataFrame) -> None:
    lines = "".join(f"{name}-{row},{truth}\n" for row, truth in enumerate(frame[LABEL]))
    url = f"/v1/labels?namespace=payments&name={name}"
    answer = monitor.post(url, content="id,label\n" + lines, headers={"content-type": "text/csv"})
    assert answer.json()["joined"] == len(frame), answer.text


def retrain(uri: str, monitor: httpx.Client, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it as the controller starts it: told by the environment alone."""
    return run(
        uri,
        "retrain",
        *arguments,
        PENSTOCK_NAMESPACE="payments",
        PENSTOCK_NAME=name,
        PENSTOCK_MODEL="strong",
        PENSTOCK_ALIAS="champion",
        PENSTOCK_STABLE_VERSION="1",
        PENSTOCK_REASON="DatasetDrift",
        PENSTOCK_WINDOW_URL=f"{monitor.base_url}/v1/window/payments/{name}",
        PENSTOCK_REPORT_URL=f"{monitor.base_url}/v1/reports/payments/{name}",
        PENSTOCK_RUN_TAG=f"{name}-retrain-1",
    )


def versions(client: mlflow.MlflowClient) -> list[str]:
    return sorted(str(each.version) for each in client.search_model_versions("name = 'strong'"))


def test_after_drift_a_better_version_is_registered_once_and_the_alias_moves(
    mlflow_uri: str, client: mlflow.MlflowClient, strong: bytes, monitor: httpx.Client
) -> None:
    before = versions(client)
    frame = labelled(ROWS, seed=77, drift=1.0)
    serve(monitor, "drifted", strong, frame)
    tell_truth(monitor, "drifted", frame)
    kept = retrain(mlflow_uri, monitor, "drifted", "--no-move-alias")
    assert kept.returncode == 0, kept.stderr
    assert str(client.get_model_version_by_alias("strong", "champion").version) == "1"

    # The Job's next try: as if the first one had been evicted before it moved the alias.
    again = retrain(mlflow_uri, monitor, "drifted")
    assert again.returncode == 0, again.stderr
    outcome, told = (json.loads(finished.stdout.splitlines()[-1]) for finished in (kept, again))
    assert len(versions(client)) == len(before) + 1
    assert outcome["version"] == told["version"]
    assert outcome["run_id"] == told["run_id"]
    assert str(client.get_model_version_by_alias("strong", "champion").version) == outcome["version"]
    client.set_registered_model_alias("strong", "champion", "1")

    assert outcome["champion_auc"] < 0.75
    assert outcome["challenger_auc"] > 0.8
    new = artifact("strong", outcome["version"])
    fresh = labelled(20_000, seed=78, drift=1.0)
    answers = scores_of((new / "model.onnx").read_bytes(), fresh)
    assert areas(fresh, answers) > areas(fresh, scores_of(strong, fresh)) + 0.1
    tags = client.get_model_version("strong", outcome["version"]).tags
    window = {name: tags.pop(f"penstock.window_{name}") for name in ("from", "to")}
    assert window["from"] <= window["to"]
    assert tags == {
        "penstock.champion_version": "1",
        "penstock.champion_auc": f"{outcome['champion_auc']:.6f}",
        "penstock.challenger_auc": f"{outcome['challenger_auc']:.6f}",
        "penstock.window_rows": str(ROWS),
        "penstock.report_url": f"{monitor.base_url}/v1/reports/payments/drifted",
        "penstock.retrained_for": "drifted-retrain-1",
        "penstock.reason": "DatasetDrift",
        "penstock.resource": "payments/drifted",
    }
    assert tags.items() <= client.get_run(outcome["run_id"]).data.tags.items()
    sample = pd.read_csv(new / "extra_files" / "reference.csv")
    assert tuple(sample.columns) == (*FEATURES, LABEL, "prediction")
    assert len(sample) == 2000


def areas(frame: pd.DataFrame, scores: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    """Share of the pairs of a fraud and another that are in the right order."""
    positive, negative = scores[frame[LABEL] == 1], np.sort(scores[frame[LABEL] == 0])
    left, right = (np.searchsorted(negative, positive, side) for side in ("left", "right"))
    return float((left + right).mean() / 2 / len(negative))


def test_without_drift_the_strong_champion_stays_and_the_figures_say_why(
    mlflow_uri: str, client: mlflow.MlflowClient, strong: bytes, monitor: httpx.Client
) -> None:
    before = versions(client)
    frame = labelled(ROWS, seed=5)
    serve(monitor, "calm", strong, frame)
    tell_truth(monitor, "calm", frame)
    finished = retrain(mlflow_uri, monitor, "calm")
    assert finished.returncode == 3, finished.stderr
    assert finished.stderr.startswith("not better: AUC 0.")
    assert "of the champion (version 1) on the newest 1000 labelled rows" in finished.stderr
    assert "Nothing was registered" in finished.stderr
    assert versions(client) == before
    assert str(client.get_model_version_by_alias("strong", "champion").version) == "1"


def test_without_labels_it_says_how_to_send_them_and_registers_nothing(
    mlflow_uri: str, client: mlflow.MlflowClient, strong: bytes, monitor: httpx.Client
) -> None:
    before = versions(client)
    frame = labelled(ROWS // 5, seed=6)
    serve(monitor, "silent", strong, frame)
    finished = retrain(mlflow_uri, monitor, "silent")
    assert finished.returncode == 4, finished.stderr
    assert "/v1/window/payments/silent has no labels" in finished.stderr
    assert "/v1/labels" in finished.stderr

    tell_truth(monitor, "silent", frame.head(100))
    few = retrain(mlflow_uri, monitor, "silent")
    assert few.returncode == 4, few.stderr
    assert "has 100 labelled rows that can be read" in few.stderr
    assert versions(client) == before


def test_a_monitor_that_is_away_or_does_not_know_the_resource_is_named(
    mlflow_uri: str, strong: bytes, monitor: httpx.Client
) -> None:
    away = run(mlflow_uri, "retrain", "--registered-name", "strong", "--window-url", "http://127.0.0.1:9/v1/window/a/b")
    assert away.returncode == 1
    assert "the drift monitor does not answer at http://127.0.0.1:9/v1/window/a/b" in away.stderr
    assert "PENSTOCK_WINDOW_URL" in away.stderr
    unknown = retrain(mlflow_uri, monitor, "nobody")
    assert unknown.returncode == 1
    assert "answered 404" in unknown.stderr
    assert "is not watched" in unknown.stderr
