"""A data scientist's laptop, with what pip installs and no clone: a model is logged, checked, served and called."""

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testing.clean_machine import CleanMachine, wheelhouse
from penstock_testing.mlflow_server import mlflow_server

pytestmark = pytest.mark.timeout(1800)
START_SECONDS = 120
TRAIN = """
import pandas as pd
from sklearn.linear_model import LogisticRegression

X = pd.DataFrame({"amount": [float(amount) for amount in range(200)], "logins": [0, 1] * 100})
y = (X["amount"] > 120).astype(int)
model = LogisticRegression(max_iter=1000).fit(X, y)

import penstock

version = penstock.log_model(model, name="fraud-detector", X=X, y=y, alias="champion")
print(version.uri)
"""
CALL = """
import sys
import penstock

answer = penstock.predict(sys.argv[1], [{"amount": 10.0, "logins": 1}, {"amount": 190.0, "logins": 0}])
print(answer.predictions)
"""


@pytest.fixture
def laptop(machine: CleanMachine, distributions: Path) -> CleanMachine:
    folders = (distributions, wheelhouse("model-store", "predictor", "sdk"))
    machine.install("penstock-sdk[local,sklearn]", folders=folders)
    return machine


@pytest.fixture
def tracking(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables that name a real MLflow server."""
    (tmp_path / "mlflow").mkdir()
    with mlflow_server(tmp_path / "mlflow") as server:
        yield {"MLFLOW_TRACKING_URI": server.uri, "PENSTOCK_TERMINATION_LOG": "/dev/null"}


def test_a_model_is_logged_checked_served_and_called(laptop: CleanMachine, tracking: dict[str, str]) -> None:
    logged = laptop.run("python", "-c", TRAIN, variables=tracking).strip().splitlines()[-1]
    assert logged == "models:/fraud-detector/1"

    checked = laptop.run("penstock", "check", logged, variables=tracking)
    assert f"The model store takes {logged}: sha256:" in checked
    assert "columns    amount (double), logins (long)" in checked

    for address in served(laptop, "models:/fraud-detector@champion", tracking):
        assert laptop.run("python", "-c", CALL, address).strip() == "[0, 1]"


def served(laptop: CleanMachine, model: str, variables: dict[str, str]) -> Iterator[str]:
    """Serve it for as long as the caller goes on; yields the address that the log names."""
    process = subprocess.Popen(
        laptop.command("penstock", "serve", model, "--port", "0"),
        cwd=laptop.folder,
        env=laptop.environment | variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    late = threading.Timer(START_SECONDS, process.kill)
    late.start()
    try:
        assert process.stdout is not None
        words = (word for line in process.stdout for word in json.loads(line)["message"].split())
        yield next(word for word in words if word.startswith("http://127.0.0.1:"))
    finally:
        late.cancel()
        process.kill()
        process.wait()
