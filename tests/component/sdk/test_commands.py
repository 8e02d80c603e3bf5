"""The command `penstock` against a real MLflow server."""

# mypy: allow-untyped-calls

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import onnx
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import penstock
from penstock_testing import tiny_models

from .conftest import Serving

MODEL = "scores"


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    output: str
    errors: str


def run(*arguments: str) -> Ended:
    ended = subprocess.run(
        [sys.executable, "-m", "penstock", *arguments],
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"amount": rng.lognormal(3, 1, 200).round(2), "country": rng.choice(["DE", "FR"], 200)})
    return table.assign(fraud=(rng.random(200) < 0.3).astype(int))


@pytest.fixture(scope="module")
def pickled(mlflow_uri: str, rows: pd.DataFrame) -> str:
    """A version as `mlflow.sklearn.log_model` leaves it, without an alias."""
    numbers = rows[["amount"]]
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            LogisticRegression().fit(numbers, rows["fraud"]),
            name=MODEL,
            registered_model_name=MODEL,
            serialization_format="cloudpickle",
            input_example=numbers.head(),
            pip_requirements=["scikit-learn"],
        )
    return str(info.registered_model_version)


def test_the_refusal_of_a_pickle_names_the_command_that_converts_that_very_version(pickled: str) -> None:
    ended = run("check", f"models:/{MODEL}/{pickled}")
    assert ended.code == 1
    assert "PickleOnly: model.pkl is a pickle" in ended.errors
    assert f"`penstock convert models:/{MODEL}/{pickled}`" in ended.errors
    assert f"penstock.log_model(model, name='{MODEL}', X=X)" in ended.errors


def test_one_array_is_logged_under_the_name_of_the_graphs_input(mlflow_uri: str, workplace: Path) -> None:
    onnx.save(brightness(), "brightness.onnx")
    images = np.random.default_rng(0).random((200, 1, 8, 8), dtype=np.float32)
    made = penstock.log_model("brightness.onnx", name="brightness", X=images)
    ended = run("check", made.uri)
    assert ended.code == 0, ended.errors
    assert "pixels" in ended.output


def brightness() -> onnx.ModelProto:
    """The mean of each image."""
    inputs = [onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["rows", 1, 8, 8])]
    outputs = [onnx.helper.make_tensor_value_info("mean", onnx.TensorProto.FLOAT, ["rows", 1, 1, 1])]
    node = onnx.helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[2, 3])
    graph = onnx.helper.make_graph([node], "brightness", inputs, outputs)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)


def test_a_pickle_is_not_opened_unless_the_command_says_so(pickled: str) -> None:
    ended = run("convert", f"models:/{MODEL}/{pickled}")
    assert ended.code == 1
    assert "opening that runs whatever code is in it, here, as you" in ended.errors
    assert "--trust-pickle" in ended.errors


def test_a_converted_version_is_the_next_one_and_served_where_the_alias_names_it(
    pickled: str, rows: pd.DataFrame, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    rows[["amount", "fraud"]].to_csv(file, index=False)
    old = f"models:/{MODEL}/{pickled}"

    ended = run("convert", old, "--trust-pickle", "--rows", str(file), "--label", "fraud", "--alias", "champion")

    assert ended.code == 0, ended.errors
    new = client.get_model_version_by_alias(MODEL, "champion")
    assert int(new.version) == int(pickled) + 1
    assert f"{old} is models:/{MODEL}/{new.version} now" in ended.output
    assert "on 200 rows" in ended.output
    assert new.tags["penstock.converted_from"] == pickled
    assert new.run_id == client.get_model_version(MODEL, pickled).run_id
    checked = run("check", f"models:/{MODEL}@champion")
    assert checked.code == 0, checked.errors
    assert "columns    amount (double)" in checked.output
    assert "reference  reference.parquet" in checked.output
    assert "has an ONNX model already" in run("convert", f"models:/{MODEL}/{new.version}").errors


def test_what_a_version_looks_up_goes_with_the_one_that_it_is_converted_to(
    rows: pd.DataFrame, mlflow_uri: str, tmp_path: Path
) -> None:
    file = tmp_path / "features.json"
    file.write_text('{"entities": {"user_id": "string"}, "columns": {"amount": {"feature": "users:usual_amount"}}}')
    numbers = rows[["amount"]]
    with mlflow.start_run():
        info = mlflow.sklearn.log_model(
            LogisticRegression().fit(numbers, rows["fraud"]),
            name="looked-up",
            registered_model_name="looked-up",
            serialization_format="cloudpickle",
            input_example=numbers.head(),
            pip_requirements=["scikit-learn"],
            extra_files=[str(file)],
        )
    ended = run("convert", f"models:/looked-up/{info.registered_model_version}", "--trust-pickle")
    assert ended.code == 0, ended.errors
    checked = run("check", f"models:/looked-up/{int(info.registered_model_version) + 1}")
    assert "features   amount: looked up by user_id (string)" in checked.output, checked


def test_a_file_is_checked_as_the_store_and_the_predictor_would_check_it(tmp_path: Path) -> None:
    model = tiny_models.scaled(tmp_path / "model.onnx", 3)
    ended = run("check", str(model))
    assert ended.code == 0, ended.errors
    assert "The model store takes" in ended.output
    assert "inputs     x FP32[-1, 2]" in ended.output
    assert "/predict   takes rows as lists" in ended.output
    assert "batching   " in ended.output

    model.write_bytes(model.read_bytes()[:40])
    refused = run("check", str(model))
    assert refused.code == 1
    assert "TruncatedModel: model.onnx breaks off" in refused.errors


def test_a_file_that_is_not_there_and_a_version_that_is_none_are_told(mlflow_uri: str, tmp_path: Path) -> None:
    assert "does not exist" in run("check", str(tmp_path / "absent.onnx")).errors
    assert "names no version: write models:/name/3" in run("check", "models:/fraud").errors
    assert f"MLflow at {mlflow_uri}" in run("check", "models:/nobody/1").errors


def test_a_served_model_answers_rows_and_says_what_is_wrong_with_others(rows: pd.DataFrame, serving: Serving) -> None:
    numbers = rows[["amount"]]
    version = penstock.log_model(LogisticRegression().fit(numbers, rows["fraud"]), name="served", X=numbers)
    with serving(version.uri) as address:
        one = penstock.predict(address, {"amount": 12.5}, request_id="of-a-test")
        assert one.prediction in (0, 1)
        assert (one.model_version, one.request_id) == (version.version, "of-a-test")
        assert len(penstock.predict(address, numbers).predictions) == len(numbers)
        with pytest.raises(penstock.errors.RequestRefused, match=r"column 'amount' is missing"):
            penstock.predict(address, {"amuont": 12.5})
        with pytest.raises(penstock.errors.NotServed, match="answered 404"):
            penstock.predict(f"{address}/elsewhere", {"amount": 12.5})
        with pytest.raises(penstock.errors.RowsRefused, match="cannot be written as JSON"):
            penstock.predict(address, {"amount": {1, 2}})
    with pytest.raises(penstock.errors.NoAnswer, match="cannot be reached"):
        penstock.predict(address, {"amount": 12.5}, timeout=2)
