"""MLflow: where versions are logged and registered. The only module that talks to it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import mlflow
import requests
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.models.model import ModelInfo

from penstock.artifact import VersionArtifact
from penstock.errors import RegistryFault

_SECONDS = 10.0


class TrackingRegistry:
    """The tracking server and registry that MLflow is set to."""

    def __init__(self) -> None:
        self._uri = mlflow.get_tracking_uri()

    def reach(self) -> None:
        """Raise RegistryFault now rather than after the conversion, and after seconds rather than minutes."""
        if not self._uri.startswith("http"):
            return
        try:
            requests.get(f"{self._uri.rstrip('/')}/health", timeout=_SECONDS)
        except requests.RequestException as error:
            raise RegistryFault(
                f"MLflow does not answer at {self._uri}: {error}. Is the server up, and does MLFLOW_TRACKING_URI name "
                "it?"
            ) from error

    def log(
        self, name: str, artifact: VersionArtifact, tags: Mapping[str, str], metrics: Mapping[str, float]
    ) -> tuple[str, ModelInfo]:
        """Log and register in the active run, or in one of its own; answers the run's id and what MLflow says."""
        with self._named_failures(f"log a version of {name} to"), _some_run() as run_id:
            mlflow.log_metrics(dict(metrics))
            info: ModelInfo = Model.log(
                artifact_path=None,
                name=_artifact_name(name),
                flavor=artifact,
                registered_model_name=name,
                tags=dict(tags),
                run_id=run_id,
                validate_serving_input=False,
            )
        return run_id, info

    def move_alias(self, name: str, alias: str, version: str) -> None:
        """Let an alias name a version: where Penstock watches it, this starts a rollout."""
        with self._named_failures(f"move alias {alias} of {name} to version {version} at"):
            mlflow.MlflowClient().set_registered_model_alias(name, alias, version)

    def version_of(self, uri: str) -> tuple[str, str]:
        """Read `models:/name/version` or `models:/name@alias`; answers name and version. Raises RegistryFault."""
        name, at, alias = uri.removeprefix("models:/").rpartition("@")
        if not uri.startswith("models:/") or (not at and "/" not in alias):
            raise RegistryFault(f"{uri} names no version: write models:/name/3, or models:/name@alias")
        if not at:
            name, _, version = alias.rpartition("/")
            return name, version
        with self._named_failures(f"find alias {alias} of {name} at"):
            return name, str(mlflow.MlflowClient().get_model_version_by_alias(name, alias).version)

    def download(self, uri: str, folder: Path) -> Path:
        """Fetch the artifact of an address into a folder. Raises RegistryFault."""
        with self._named_failures(f"fetch {uri} from"):
            return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))

    @contextmanager
    def run_of(self, name: str, version: str) -> Iterator[None]:
        """Go on in the run that a version is of, where it is of one: what is made of it belongs there too."""
        with self._named_failures(f"go on in the run of version {version} of {name} at"):
            run_id = mlflow.MlflowClient().get_model_version(name, version).run_id
        with mlflow.start_run(run_id=run_id or None):
            yield

    @contextmanager
    def _named_failures(self, action: str) -> Iterator[None]:
        try:
            yield
        except (MlflowException, requests.RequestException) as error:
            raise RegistryFault(f"could not {action} MLflow at {self._uri}: {error}") from error


@contextmanager
def _some_run() -> Iterator[str]:
    active = mlflow.active_run()
    if active is not None:
        yield str(active.info.run_id)
        return
    with mlflow.start_run() as run:
        yield str(run.info.run_id)


def _artifact_name(name: str) -> str:
    """A logged model's name may not have some signs that a registered model's may."""
    return "".join("-" if sign in "/:.%\"'" else sign for sign in name)
