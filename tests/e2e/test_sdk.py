"""From a script that trains to a prediction through the gateway: what a data scientist writes, and what they get."""

import runpy
import time
from pathlib import Path
from typing import Any

import joblib
import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml

import penstock
from penstock_testing.model_deployments import Deployed
from penstock_testing.platform import ROOT, Platform

EXAMPLES = ROOT / "sdk" / "examples"
ROWS = 1000
BOUND = 1e-6
"""Of a probability."""
SERVING_BEGINS = "# What serving it takes:\n"
RESOURCE = """\
apiVersion: penstock.dev/v1alpha1
kind: ModelDeployment
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  registry: {{model: {name}, alias: champion}}
"""


@pytest.mark.parametrize(
    "script",
    [
        "random_forest",
        *(
            pytest.param(name, marks=pytest.mark.deep)
            for name in ("lightgbm_model", "xgboost_model", "joblib_file", "pickle_file", "onnx_file")
        ),
    ],
)
def test_a_trained_model_is_served_by_three_lines_and_five_of_yaml_and_answers_like_itself(
    script: str,
    platform: Platform,
    users: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", platform.mlflow().url)
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: platform.mlflow().url)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    name = script.replace("_", "-")
    resource = RESOURCE.format(name=name, namespace=users)
    assert lines_for_serving(script) <= 3
    assert len(resource.splitlines()) == 5

    began = time.monotonic()
    trained = runpy.run_path(str(EXAMPLES / f"{script}.py"))
    logged = time.monotonic()
    platform.cluster.apply(yaml.safe_load(resource))
    Deployed(platform.cluster, users, name).wait_ready()
    rows = asked(trained)
    url = f"{platform.gateway().url}/{users}/{name}"
    penstock.predict(url, rows.head(1), timeout=30)
    first = time.monotonic()

    answer = penstock.predict(url, rows, timeout=30)

    difference = float(np.abs(np.array(answer.probabilities) - native(trained, rows)).max())
    keep(
        f"{script}: {lines_for_serving(script)} lines, {logged - began:.1f} s to train, compare and log, "
        f"{first - logged:.1f} s from the apply to the first prediction, largest difference {difference:.2g}"
    )
    assert difference < BOUND
    assert penstock.deployment(name, namespace=users, alias="champion") == yaml.safe_load(resource)


def lines_for_serving(script: str) -> int:
    """What the user writes beside what trains."""
    _, _, serving = (EXAMPLES / f"{script}.py").read_text().partition(SERVING_BEGINS)
    return len([line for line in serving.splitlines() if line.strip()])


def keep(figures: str) -> None:
    """What the SDK's README says, of this run: build/sdk.txt."""
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build" / "sdk.txt").open("a") as file:
        file.write(f"{figures}\n")


def asked(trained: dict[str, object]) -> pd.DataFrame:
    """Fresh payments, with the gaps that the model knows."""
    known = trained["X"]
    assert isinstance(known, pd.DataFrame)
    payments, _ = runpy.run_path(str(EXAMPLES / "transactions.py"))["draw"](ROWS, seed=2)
    rows: pd.DataFrame = payments[list(known.columns)]
    return (rows if known.isna().to_numpy().any() else rows.fillna(900)).astype(known.dtypes.to_dict())


def native(trained: dict[str, object], rows: pd.DataFrame) -> np.ndarray:
    """What the model itself says, as the script has it or as its file holds it."""
    files = [file for file in Path().iterdir() if file.suffix in (".joblib", ".pkl")]
    load: Any = joblib.load
    model: Any = trained.get("model") or load(files[0])
    of_arrays = not hasattr(model, "feature_names_in_")
    return np.asarray(model.predict_proba(rows.to_numpy() if of_arrays else rows))
