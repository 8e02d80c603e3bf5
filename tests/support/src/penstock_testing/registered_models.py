"""Registers models in a real MLflow server, as a data scientist would, and moves aliases."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException


class RegisteredModels:
    """A data scientist at the registry."""

    def __init__(self, uri: str) -> None:
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def register(self, model: str, build: Callable[[Path], object]) -> str:
        """Log what `build` writes into a folder as a run's artifact and register it; answers the version."""
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
            run = self._client.create_run(self._experiment())
            self._client.log_artifacts(run.info.run_id, folder, "model")
        try:
            self._client.create_registered_model(model)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        source = f"{run.info.artifact_uri}/model"
        version = self._client.create_model_version(model, source, run.info.run_id)
        return str(version.version)

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name("penstock-tests")
        if found:
            return str(found.experiment_id)
        try:
            return str(self._client.create_experiment("penstock-tests"))
        except MlflowException:  # another test made it meanwhile
            return self._experiment()

    def move(self, model: str, version: str, alias: str = "champion") -> None:
        """Point the alias at a version: the one thing a data scientist does to roll out."""
        self._client.set_registered_model_alias(model, alias, version)

    def newest(self, model: str) -> int:
        """The number of the model's newest version; 0: it has none."""
        found = self._client.search_model_versions(f"name='{model}'")
        return max((int(version.version) for version in found), default=0)

    def tags(self, model: str, version: str) -> dict[str, str]:
        """What stands at a version."""
        return dict(self._client.get_model_version(model, version).tags)

    def download(self, model: str, version: str, folder: Path) -> Path:
        """The version's `.onnx` file as the registry has it."""
        source = self._client.get_model_version_download_uri(model, version)
        from mlflow.artifacts import download_artifacts  # noqa: PLC0415 - slow to import, and rarely needed

        local = Path(
            download_artifacts(artifact_uri=source, dst_path=str(folder), tracking_uri=self._client.tracking_uri)
        )
        return next(local.rglob("*.onnx"))
