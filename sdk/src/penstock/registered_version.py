"""A version that is registered already: in its own form, and without ONNX."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from mlflow.models import Model

from penstock.errors import AlreadyConverted, FileNotTrusted, ModelRefused, RowsRefused
from penstock.graph import one_line
from penstock.logged_version import LoggedVersion, log_model
from penstock.registry import TrackingRegistry
from penstock_contracts import feature_file

CONVERTED_FROM = "penstock.converted_from"
"""Tag of the new version: the number of the one that it was made of."""
_FLAVORS = ("lightgbm", "xgboost", "sklearn", "pytorch")
"""In this order: what saves a LightGBM estimator may say that it is scikit-learn's too."""
_RUN_CODE = (".pkl", ".skops", ".pth", ".pt", ".pt2", ".joblib")
"""Endings of files whose opening may run code from them; skops reads what it may trust from the artifact itself."""


def convert_version(
    uri: str, *, rows_file: Path | None, label: str | None, alias: str | None, trust_pickle: bool
) -> LoggedVersion:
    """Load a version with its own flavor, convert it, and register it as the model's next version.

    `uri`: `models:/name/version` or `models:/name@alias`. `rows_file`: .csv or .parquet; None: the version's input
    example.

    Raises AlreadyConverted, what `log_model` raises, and FileNotTrusted unless its file may run code.
    """
    server = TrackingRegistry()
    server.reach()
    name, version = server.version_of(uri)
    with TemporaryDirectory(prefix="penstock-") as folder:
        artifact = server.download(f"models:/{name}/{version}", Path(folder))
        described = Model.load(str(artifact))
        flavor = _flavor(uri, described)
        _check_trusted(uri, artifact, trust_pickle=trust_pickle)
        native = _loaded(uri, flavor, artifact)
        rows, labels = _rows(uri, described, artifact, rows_file, label)
        with server.run_of(name, version):
            return log_model(
                native,
                name=name,
                X=rows,
                y=labels,
                features=_features(artifact),
                alias=alias,
                tags={CONVERTED_FROM: version},
            )


def _flavor(uri: str, described: Model) -> str:
    if "onnx" in described.flavors:
        raise AlreadyConverted(f"{uri} has an ONNX model already: it can be served as it is")
    found = next((each for each in _FLAVORS if each in described.flavors), None)
    if found is None:
        raise ModelRefused(
            f"{uri} is of {', '.join(described.flavors) or 'no kind'}, which penstock does not convert: load it, "
            "convert it with its own tools, and give penstock.log_model the ONNX file"
        )
    return found


def _check_trusted(uri: str, artifact: Path, *, trust_pickle: bool) -> None:
    files = [path for path in artifact.rglob("*") if path.is_file()]
    code = [path for path in files if path.suffix in _RUN_CODE]
    if code and not trust_pickle:
        raise FileNotTrusted(
            f"{uri} keeps its model in {code[0].relative_to(artifact)}, and opening that runs whatever code is in it, "
            "here, as you. If you know who registered it: --trust-pickle. The cluster never opens it"
        )


def _loaded(uri: str, flavor: str, artifact: Path) -> Any:
    module: Any = import_module(f"mlflow.{flavor}")
    try:
        return module.load_model(str(artifact))
    except Exception as error:  # a pickle may raise anything
        raise ModelRefused(
            f"{uri} cannot be loaded here: {one_line(error)}. Its own environment is in its requirements.txt: "
            "pip install -r it, and try again"
        ) from error


def _features(artifact: Path) -> Path | None:
    return next((artifact / path for path in feature_file.PATHS if (artifact / path).is_file()), None)


def _rows(
    uri: str, described: Model, artifact: Path, rows_file: Path | None, label: str | None
) -> tuple[Any, pd.Series | None]:
    types = {each.name: str(each.type) for each in described.signature.inputs.inputs} if described.signature else {}
    if rows_file is None:
        example = described.load_input_example(str(artifact))
        if example is None:
            raise RowsRefused(
                f"{uri} has no input example: name a file with some hundred real rows, --rows rows.csv or rows.parquet"
            )
        return example, None
    table = _read(rows_file, types)
    if label is not None and label not in table:
        raise RowsRefused(f"{rows_file} has no column {label!r}: it has {', '.join(map(str, table.columns))}")
    labels = table.pop(label) if label is not None else None
    missing = [name for name in types if name and name not in table]
    if missing:
        raise RowsRefused(f"{rows_file} has no column {missing[0]!r}, which {uri} takes")
    return (table[[name for name in types if name]] if any(types) else table), labels


def _read(file: Path, types: Mapping[str | None, str]) -> pd.DataFrame:
    if file.suffix == ".parquet":
        return pd.read_parquet(file)
    texts = {name: str for name, word in types.items() if name and "string" in word}
    table = pd.read_csv(file, dtype=texts)
    return table.fillna(dict.fromkeys(texts, "")) if texts else table
