"""What log_model leaves in a real MLflow server."""

# mypy: allow-untyped-calls

import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import penstock
from penstock.commands.located_model import located
from penstock.commands.rehearsed_model import rehearsed
from penstock.errors import ExtraMissing, RegistryFault
from penstock_contracts.features import FeatureColumn, FeatureLookup, OnMissing
from penstock_testing.code_blocks import code_blocks

FRAMEWORKS = ("sklearn", "skl2onnx", "onnxmltools", "lightgbm", "xgboost", "torch", "onnxscript")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"rooms": rng.integers(1, 9, 300), "size (m²)": rng.normal(90, 30, 300).round(1)})


@pytest.fixture(scope="module")
def prices(rows: pd.DataFrame) -> "pd.Series[float]":
    return 3000 * rows["size (m²)"] + 10_000 * rows["rooms"] + 7


@pytest.fixture(scope="module")
def regression(rows: pd.DataFrame, prices: "pd.Series[float]") -> Any:
    return LinearRegression().fit(rows, prices)


def test_it_goes_on_in_the_active_run_and_moves_the_alias_that_it_is_given(
    regression: Any, rows: pd.DataFrame, client: mlflow.MlflowClient
) -> None:
    with mlflow.start_run() as run:
        made = penstock.log_model(regression, name="prices", X=rows, alias="champion", tags={"team": "homes"})
    assert made.run_id == run.info.run_id
    assert made.parity is not None
    assert made.parity.rows == len(rows)
    assert client.get_run(made.run_id).data.metrics["parity_max_difference"] == made.parity.max_difference
    version = client.get_model_version_by_alias("prices", "champion")
    assert (str(version.version), version.tags["team"]) == (made.version, "homes")
    assert mlflow.pyfunc.load_model(made.uri).predict(rows.head(3)) == pytest.approx(regression.predict(rows.head(3)))


def test_a_model_that_is_refused_leaves_no_version_and_no_run(
    regression: Any, rows: pd.DataFrame, client: mlflow.MlflowClient
) -> None:
    runs = len(client.search_runs(["0"]))
    with pytest.raises(penstock.ModelRefused):
        penstock.log_model(regression, name="nothing", X=rows.drop(columns="rooms"))
    assert client.search_model_versions("name='nothing'") == []
    assert len(client.search_runs(["0"])) == runs


def test_equal_models_have_equal_bytes_whatever_process_made_them(
    regression: Any, rows: pd.DataFrame, mlflow_uri: str
) -> None:
    made = [penstock.log_model(regression, name="twins", X=rows) for _ in range(2)]
    files = [Path(mlflow.artifacts.download_artifacts(f"{each.uri}/model.onnx")).read_bytes() for each in made]
    assert files[0] == files[1]


def test_what_is_looked_up_stands_in_the_card_that_the_model_store_makes(
    regression: Any, rows: pd.DataFrame, mlflow_uri: str, tmp_path: Path
) -> None:
    homes = penstock.ViewLookup("homes", key="home", columns=["rooms"], defaults={"rooms": 4}, max_age="26h")
    made = penstock.log_model(regression, name="looked-up-prices", X=rows, features=homes)
    with located(made.uri) as found:
        taken = rehearsed(found, tmp_path)
    assert taken.card.features == FeatureLookup(
        entities={"home": "string"},
        columns={
            "rooms": FeatureColumn(feature="homes:rooms", on_missing=OnMissing.DEFAULT, default=4, max_age="26h"),
        },
    )
    plain = penstock.log_model(regression, name="plain-prices", X=rows)
    with located(plain.uri) as found:
        without = rehearsed(found, tmp_path / "plain")
    assert without.card.features is None
    assert without.card.digest != taken.card.digest


def test_what_the_readme_writes_first_works(
    regression: Any, rows: pd.DataFrame, prices: "pd.Series[float]", mlflow_uri: str, workplace: Path
) -> None:
    first = next(block for block in code_blocks("python") if block.page == "sdk/README.md")
    said: dict[str, Any] = {"model": regression, "X": rows, "y": prices}
    exec(first.text, said)  # noqa: S102 - what the page says
    assert said["version"].name == "fraud-detector"
    assert "alias: champion" in (workplace / "fraud-detector.yaml").read_text()


def test_without_mlflow_it_fails_before_it_converts_and_names_the_address(
    regression: Any, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow, "get_tracking_uri", lambda: "http://127.0.0.1:9")
    with pytest.raises(RegistryFault, match=r"does not answer at http://127\.0\.0\.1:9.*MLFLOW_TRACKING_URI"):
        penstock.log_model(regression, name="prices", X=rows)


def test_it_is_imported_without_any_framework() -> None:
    away = "; ".join(f"sys.modules[{name!r}] = None" for name in FRAMEWORKS)
    program = f"import sys; {away}; import penstock; print(penstock.log_model.__name__)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False)
    assert ended.stdout == "log_model\n", ended.stderr


def test_a_converter_that_is_not_there_is_named_with_the_line_that_installs_it(
    rows: pd.DataFrame, prices: "pd.Series[float]", mlflow_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(rows, prices)
    for name in [name for name in sys.modules if name.startswith("onnxmltools")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxmltools", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'penstock-sdk\[lightgbm\]'"):
        penstock.log_model(model, name="prices", X=rows)
