"""The folder that MLflow keeps of a version: the model in its own form, and as ONNX beside it."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import onnx
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.types.schema import Schema, TensorSpec

from penstock import reference
from penstock.conversion import Conversion
from penstock.frameworks.convertible import Convertible
from penstock.rows import Rows
from penstock_contracts import feature_file

MODEL_FILE = "model.onnx"
_METADATA = "MLmodel"


@dataclass(frozen=True, kw_only=True)
class VersionArtifact:
    """A flavor in MLflow's sense: it saves the model in its own flavor, and adds the graph and the sample."""

    model: Convertible
    conversion: Conversion
    rows: Rows
    sample: pd.DataFrame
    code_paths: Sequence[str] | None = None
    features: bytes | None = None
    """Content of `features.json`; None: rows have all columns."""
    pip_requirements: Sequence[str] | None = None
    """None: the packages whose classes the model is made of, in the versions installed here."""

    def save_model(self, path: str, mlflow_model: Model, **_: Any) -> None:
        """Write the folder: what MLflow's `Model.log` calls."""
        with _without_warnings():
            self.model.save(
                path,
                mlflow_model=mlflow_model,
                signature=self._signature(),
                input_example=self.rows.example(),
                pip_requirements=self._requirements(),
                code_paths=list(self.code_paths) if self.code_paths else None,
            )
        folder = Path(path)
        (folder / MODEL_FILE).write_bytes(self.conversion.graph.model.SerializeToString())
        self.sample.to_parquet(folder / reference.FILE, index=False)
        if self.features is not None:
            (folder / feature_file.FILE).write_bytes(self.features)
        mlflow_model.add_flavor(
            "onnx",
            onnx_version=onnx.__version__,
            data=MODEL_FILE,
            providers=["CPUExecutionProvider"],
            onnx_session_options=None,
            code=None,
        )
        mlflow_model.save(str(folder / _METADATA))

    def _signature(self) -> ModelSignature:
        outputs = self.conversion.graph.outputs
        return ModelSignature(
            inputs=self.rows.schema(),
            outputs=Schema([TensorSpec(each.dtype, each.shape, each.name) for each in outputs]),
        )

    def _requirements(self) -> list[str]:
        if self.pip_requirements is not None:
            return list(self.pip_requirements)
        return [line for package in self.model.packages for line in _pinned(package)]


def _pinned(package: str) -> Iterator[str]:
    try:
        yield f"{package}=={version(package)}"
    except PackageNotFoundError:  # a module of the user's own
        return


@contextmanager
def _without_warnings() -> Iterator[None]:
    """MLflow warns of each pickle and of whole numbers in an example: neither says anything of what is served."""
    logger = logging.getLogger("mlflow")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
