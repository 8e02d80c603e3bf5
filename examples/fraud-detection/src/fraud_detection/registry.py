"""MLflow: where runs are tracked and versions are registered. The only module that talks to it."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

# Read when MLflow is imported. Without them it would try for minutes to reach a server that is away.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
# Its bars would push what a command has to say out of the lines that a pod's status shows.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# Its warnings mislead here: MLflow tries the example on its own scoring server, which feeds columns without their
# second dimension and so cannot run any ONNX model that skl2onnx made of a table.
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")

import mlflow
import onnx
import pandas as pd
import requests
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.models.model import ModelInfo

from fraud_detection.champion import Champion, read_champion

EXPERIMENT = "fraud-detection"
REFERENCE = "reference.csv"
"""Name of the reference sample: MLflow keeps it in the model's folder as `extra_files/reference.csv`."""
FEATURES_FILE = "features.json"
"""Name of the feature look-up, kept likewise."""
RETRAINED_FOR = "penstock.retrained_for"
"""Tag of run and version: the Job that they are for."""
_MOST_TRIES = 100
"""Runs of one Job that are looked at."""


def _quoted(text: str) -> str:
    """Leave out what would end a text in MLflow's filters. No Job's name has it."""
    return text.replace("'", "").replace("\\", "")


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
    features: str | None = None
    """The content of `features.json`: which columns a predictor looks up. None: rows have all columns."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """What the registry made of it."""

    version: str
    run_id: str


@dataclass(frozen=True)
class ServedFiles:
    """What decides a version's answers: of two versions with equal ones, Penstock rolls out the first."""

    onnx_model: bytes
    signature: str
    """As JSON."""


class TrackingServer:
    """One MLflow server, tracking and registry in one."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        mlflow.set_tracking_uri(uri)

    def reach(self) -> None:
        """Raise RegistryAwayError now rather than after the training."""
        with self._named_failures("reach"):
            mlflow.set_experiment(EXPERIMENT)

    def track(
        self,
        name: str,
        model: TrainedModel,
        parameters: dict[str, object],
        metrics: dict[str, float],
        tags: Mapping[str, str] = MappingProxyType({}),
        *,
        files: Sequence[Path] = (),
    ) -> Registered:
        """Record a run with its parameters and metrics, and register its model as the next version of `name`.

        `tags` stand on both. The run has them before there is a version. `files`: what else the run keeps.
        """
        with self._named_failures(f"register a version of {name} at"), mlflow.start_run(tags=dict(tags)) as run:
            mlflow.log_params(parameters)
            mlflow.log_metrics(metrics)
            for file in files:
                mlflow.log_artifact(str(file))
            version = str(self._log(name, model).registered_model_version)
            client = mlflow.MlflowClient()
            for tag, value in tags.items():
                client.set_model_version_tag(name, version, tag, value)
        return Registered(version=version, run_id=str(run.info.run_id))

    def aliases(self, name: str) -> dict[str, str]:
        """Find which version each alias of a model names. Raises RegistryAwayError, also when there is no model."""
        with self._named_failures(f"find the aliases of {name} at"):
            found = mlflow.MlflowClient().get_registered_model(name).aliases
        return {str(alias): str(version) for alias, version in found.items()}

    def tags(self, name: str, version: str) -> dict[str, str]:
        """Read what stands on a version. Raises RegistryAwayError."""
        with self._named_failures(f"read version {version} of {name} at"):
            return dict(mlflow.MlflowClient().get_model_version(name, version).tags)

    def tags_by_version(self, name: str) -> dict[str, dict[str, str]]:
        """Read what stands on each version of a model. Raises RegistryAwayError."""
        with self._named_failures(f"read the versions of {name} at"):
            found = mlflow.MlflowClient().search_model_versions(f"name = '{_quoted(name)}'")
        return {str(each.version): dict(each.tags) for each in found}

    def served_files(self, name: str, version: str) -> ServedFiles:
        """Fetch what decides a version's answers. Raises RegistryAwayError."""
        with (
            tempfile.TemporaryDirectory(prefix="fraud-detection-") as folder,
            self._named_failures(f"download version {version} of {name} from"),
        ):
            fetched = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=folder))
            signature = Model.load(str(fetched)).signature
            return ServedFiles(
                onnx_model=(fetched / "model.onnx").read_bytes(),
                signature=json.dumps(signature.to_dict() if signature else None),
            )

    def version_of(self, name: str, alias: str) -> str:
        """Find the version that an alias names. Raises RegistryAwayError, also when there is none."""
        with self._named_failures(f"find alias {alias} of {name} at"):
            return str(mlflow.MlflowClient().get_model_version_by_alias(name, alias).version)

    def retrained_for(self, name: str, whom: str) -> Registered | None:
        """Find the version that a retraining registered for this Job before; None: it has registered none."""
        with self._named_failures(f"look for versions of {name} at"):
            runs = mlflow.MlflowClient().search_runs(
                [str(mlflow.set_experiment(EXPERIMENT).experiment_id)],
                filter_string=f"tags.`{RETRAINED_FOR}` = '{_quoted(whom)}'",
                max_results=_MOST_TRIES,
            )
            for run in runs:
                run_id = str(run.info.run_id)
                for version in mlflow.MlflowClient().search_model_versions(f"run_id = '{run_id}'"):
                    if version.name == name:
                        return Registered(version=str(version.version), run_id=run_id)
        return None

    def champion(self, name: str, version: str) -> Champion:
        """Fetch a version. Raises RegistryAwayError and ChampionError."""
        with tempfile.TemporaryDirectory(prefix="fraud-detection-") as folder:
            with self._named_failures(f"download version {version} of {name} from"):
                fetched = mlflow.artifacts.download_artifacts(f"models:/{name}/{version}", dst_path=folder)
            return read_champion(version, Path(fetched), REFERENCE)

    def move_alias(self, name: str, alias: str, to_version: str) -> None:
        """Let an alias name a version: with Penstock watching it, this is what starts a rollout."""
        with self._named_failures(f"move alias {alias} of {name} to version {to_version} at"):
            mlflow.MlflowClient().set_registered_model_alias(name, alias, to_version)

    @staticmethod
    def _log(name: str, model: TrainedModel) -> ModelInfo:
        with tempfile.TemporaryDirectory(prefix="fraud-detection-") as folder:
            reference = Path(folder) / REFERENCE
            model.reference.to_csv(reference, index=False)
            beside = [str(reference)]
            if model.features is not None:
                lookup = Path(folder) / FEATURES_FILE
                lookup.write_text(model.features)
                beside.append(str(lookup))
            info: ModelInfo = mlflow.onnx.log_model(
                model.onnx_model,
                name=name,
                signature=model.signature,
                input_example=model.input_example,
                extra_files=beside,
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
