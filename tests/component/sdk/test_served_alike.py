"""A script for each kind of model, as a user runs it: what it registers answers like the model itself."""

import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import mlflow.sklearn
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from mlflow.models import Model

import penstock

from .conftest import EXAMPLES, Serving

ROWS = 1000
BOUND = 1e-6
"""Of a probability; the largest seen is in the SDK's README."""


def asked(columns: "pd.Index[str]", dtypes: "pd.Series[Any]") -> pd.DataFrame:
    """Fresh payments in the columns and types that a model was trained on; gaps stay only where it knows gaps."""
    payments, _ = runpy.run_path(str(EXAMPLES / "transactions.py"))["draw"](ROWS, seed=2)
    rows: pd.DataFrame = payments[list(columns)].astype(dtypes)
    return rows


def native_of(script: dict[str, Any], folder: Path, name: str) -> Callable[[pd.DataFrame], npt.NDArray[np.float64]]:
    """The model as the user has it: the script's own, or what its file holds."""
    files: Any = joblib
    model = script.get("model") or files.load(
        folder / {"joblib-file": "fraud.joblib", "pickle-file": "fraud.pkl"}[name]
    )
    if name == "onnx-file":  # trained on an array
        return lambda rows: np.asarray(model.predict_proba(rows.to_numpy()))
    return lambda rows: np.asarray(model.predict_proba(rows))


@pytest.mark.parametrize(
    "name", ["random-forest", "lightgbm-model", "xgboost-model", "joblib-file", "pickle-file", "onnx-file"]
)
def test_a_thousand_rows_are_answered_like_the_native_model_answers_them(
    name: str,
    workplace: Path,
    client: mlflow.MlflowClient,
    serving: Serving,
    record_property: Callable[[str, object], None],
) -> None:
    script = runpy.run_path(str(EXAMPLES / f"{name.replace('-', '_')}.py"))
    version = client.get_model_version_by_alias(name, "champion")
    uri = f"models:/{name}/{version.version}"
    rows = asked(script["X"].columns, script["X"].dtypes)
    if not script["X"].isna().to_numpy().any():
        rows = rows.fillna(900)
    expected = native_of(script, workplace, name)(rows)

    with serving(uri) as address:
        answer = penstock.predict(address, rows, timeout=60)

    difference = float(np.abs(np.array(answer.probabilities) - expected).max())
    record_property("largest difference", difference)
    assert difference < BOUND
    sure = np.abs(expected[:, 1] - 0.5) > BOUND
    assert (np.array(answer.predictions)[sure] == (expected[:, 1] > 0.5)[sure]).all()
    assert answer.model_version == str(version.version)
    assert_logged_whole(uri, rows)


def assert_logged_whole(uri: str, rows: pd.DataFrame) -> None:
    """What lies beside: the model in its own form, which MLflow loads; a signature; the sample of the data."""
    folder = Path(mlflow.artifacts.download_artifacts(uri))
    described = Model.load(str(folder))
    assert {"onnx", "python_function"} <= described.flavors.keys()
    assert described.signature.inputs.input_names() == list(rows.columns)
    sample = pd.read_parquet(folder / "reference.parquet")
    assert list(sample.columns) == [*rows.columns, "label", "prediction"]
    assert len(sample) == 2000
    assert sample["prediction"].between(0, 1).all()
    native = mlflow.pyfunc.load_model(uri)
    if len(described.flavors) > 2:  # MLflow's own wrapper of ONNX cannot make a table of a classifier's two outputs
        assert len(native.predict(rows[:5])) == 5
