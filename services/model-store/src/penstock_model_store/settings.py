"""Every setting of the model store, and the registries it may read."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, TypeAdapter, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from penstock_model_store.limits import Limits, container_memory, open_memory

_GIB = 2**30
_MIB = 2**20
_HTTP = TypeAdapter(AnyHttpUrl)


class ModelStoreSettings(BaseSettings):
    """Read from environment variables with the prefix PENSTOCK_STORE_. MLflow's client reads its own (MLFLOW_...)."""

    model_config = SettingsConfigDict(env_prefix="PENSTOCK_STORE_", frozen=True, populate_by_name=True)

    data: Path
    """Folder for all that is kept; a volume of its own."""
    registries: Path
    """YAML file with the registries: `{registries: {default: {uri: http://mlflow:5000}}}`."""
    host: str = "0.0.0.0"  # noqa: S104 - pods are reached by their address
    port: int = 8080
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", validation_alias="PENSTOCK_LOG_LEVEL")

    max_artifact_bytes: int = Field(4 * _GIB, gt=0)
    """What one version may have to fetch: model, data files and example."""
    max_files: int = Field(2000, gt=0)
    """Files that a version's artifact may list."""
    max_reference_bytes: int = Field(64 * _MIB, gt=0)
    open_memory_bytes: int = Field(2 * _GIB, ge=256 * _MIB)
    """Address space of the process that opens a model; lowered to what the container's own limit leaves."""
    open_seconds: int = Field(60, ge=1)
    """CPU time for opening a model and answering its golden request twice; three times that of wall time."""
    pull_seconds: float = Field(600, gt=0)
    """For one fetch from the registry."""

    workers: int = Field(2, ge=1, le=16)
    """Versions that are fetched at the same time. Models are opened one after the other."""
    queue_size: int = Field(64, ge=1)
    """Versions that may wait; beyond, a wish is answered 429."""
    retry_first_seconds: float = Field(2, gt=0)
    retry_longest_seconds: float = Field(60, gt=0)
    """Back-off of a failed ingest, which is tried again when it is asked for."""
    grace_seconds: float = Field(24 * 3600, gt=0)
    """How long a digest stays that nobody names or asks for."""
    drain_seconds: int = Field(10, ge=0)
    """For answers under way at the end."""

    artifact_schemes: tuple[str, ...] = ("mlflow-artifacts", "s3")
    """Locations that a version may lie at (JSON list)."""
    local_roots: tuple[str, ...] = ()
    """Folders of this machine that versions may lie in (JSON list), for registries with a mounted artifact store."""

    def limits(self) -> Limits:
        """The bounds of one ingest."""
        return Limits(
            artifact_bytes=self.max_artifact_bytes,
            artifact_files=self.max_files,
            reference_bytes=self.max_reference_bytes,
            open_memory_bytes=open_memory(self.open_memory_bytes, container_memory()),
            open_seconds=self.open_seconds,
            pull_seconds=self.pull_seconds,
        )


class RegistryAddress(BaseModel):
    """How to reach one registry."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    uri: str

    @field_validator("uri")
    @classmethod
    def _http_without_password(cls, uri: str) -> str:
        url = _HTTP.validate_python(uri)
        if url.username or url.password:
            raise ValueError(
                "credentials do not belong into a registry's address, which messages show: set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
            )
        return uri.rstrip("/")


class Registries(BaseModel):
    """The file that PENSTOCK_STORE_REGISTRIES names."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    registries: dict[str, RegistryAddress]

    @classmethod
    def read(cls, path: Path) -> "Registries":
        """Raises OSError or pydantic's ValidationError."""
        return cls.model_validate(yaml.safe_load(path.read_text()))

    def uris(self) -> dict[str, str]:
        """Name to address."""
        return {name: registry.uri for name, registry in self.registries.items()}
