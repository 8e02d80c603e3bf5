"""MLflow: where runs are tracked and versions are registered. The only module that talks to it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

# Read when MLflow is imported. Without them it would try for minutes to reach a server that is away.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# Its warnings mislead here: MLflow tries the example on its own scoring server, which feeds columns without their
# second dimension and so cannot run any ONNX model that skl2onnx made of a table.
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")

import mlflow
import onnx
import pandas as pd
import requests
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.models.model import ModelInfo

EXPERIMENT = "fraud-detection"
REFERENCE = "reference.csv"
"""Name of the reference sample: MLflow keeps it in the model's folder as `extra_files/reference.csv`."""


class RegistryAwayError(Exception):
    """MLflow does not answer, or refuses; the message says at which address and what it said."""


@dataclass(frozen=True, kw_only=True)
class TrainedModel:
    """Everything that makes one version."""

    onnx_model: onnx.ModelProto
    signature: ModelSignature
    input_example: pd.DataFrame
    reference: pd.DataFrame
    """A sample of the training rows with their truth (`label`) and the model's answer (`prediction`)."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """What the registry made of it."""

    version: str
    run_id: str


class Registry:
    """One MLflow server, tracking and registry in one."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        mlflow.set_tracking_uri(uri)

    def reach(self) -> None:
        """Raise RegistryAwayError now rather than after the training."""
        with self._named_failures("reach"):
            mlflow.set_experiment(EXPERIMENT)

    def track(
        self, name: str, model: TrainedModel, parameters: dict[str, object], metrics: dict[str, float]
    ) -> Registered:
        """Record a run with its parameters and metrics, and register its model as the next version of `name`."""
        with self._named_failures(f"register a version of {name} at"), mlflow.start_run() as run:
            mlflow.log_params(parameters)
            mlflow.log_metrics(metrics)
            info = self._log(name, model)
        return Registered(version=str(info.registered_model_version), run_id=str(run.info.run_id))

    def move_alias(self, name: str, alias: str, to_version: str) -> None:
        """Let an alias name a version: with Penstock watching it, this is what starts a rollout."""
        with self._named_failures(f"move alias {alias} of {name} to version {to_version} at"):
            mlflow.MlflowClient().set_registered_model_alias(name, alias, to_version)

    @staticmethod
    def _log(name: str, model: TrainedModel) -> ModelInfo:
        with tempfile.TemporaryDirectory(prefix="fraud-detection-") as folder:
            reference = Path(folder) / REFERENCE
            model.reference.to_csv(reference, index=False)
            info: ModelInfo = mlflow.onnx.log_model(
                model.onnx_model,
                name=name,
                signature=model.signature,
                input_example=model.input_example,
                extra_files=[str(reference)],
                registered_model_name=name,
                # Named here, or MLflow would load the model in a second process to guess them.
                pip_requirements=[f"{package}=={version(package)}" for package in ("onnx", "onnxruntime", "numpy")],
                onnx_execution_providers=["CPUExecutionProvider"],
                # One file: trees are attributes, not tensors, and would not move to a second file anyway.
                save_as_external_data=False,
            )
        return info

    @contextmanager
    def _named_failures(self, action: str) -> Iterator[None]:
        try:
            yield
        except (MlflowException, requests.RequestException) as error:
            msg = (
                f"could not {action} MLflow at {self._uri}: {error}. "
                "Is the server up, and does MLFLOW_TRACKING_URI (or --tracking-uri) name it?"
            )
            raise RegistryAwayError(msg) from error
