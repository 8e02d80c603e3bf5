"""The registry adapter against a real MLflow server."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.api.v1alpha1 import RegistryRef
from penstock_controller.adapters.mlflow_api import MlflowApi
from penstock_controller.adapters.mlflow_registry import MlflowRegistry
from penstock_controller.adapters.registry_connection import RegistryConnection
from penstock_controller.errors import RegistryAway, VersionMissing
from penstock_controller.telemetry import ControllerTelemetry
from penstock_testing.artifacts import affine
from penstock_testing.mlflow_server import mlflow_server
from penstock_testing.registered_models import RegisteredModels

os.environ |= {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
NAMED_LIKE_AN_ERROR = "Registered Model with name=RegisteredModel"
"""A model whose name looks like what MLflow says of one that it does not have."""


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(Path(tmp_path_factory.mktemp("mlflow"))) as server:
        models = RegisteredModels(server.uri)
        models.move("m", models.register("m", affine(2.0, 1.0)))
        models.register(NAMED_LIKE_AN_ERROR, affine(2.0, 1.0))
        yield server.uri


@pytest.fixture
def metrics() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def registry(uri: str, metrics: CollectorRegistry, tmp_path: Path) -> MlflowRegistry:
    uris = {"default": uri, "nobody": "http://127.0.0.1:9"}
    apis = {name: MlflowApi(RegistryConnection(name, address, tmp_path / name)) for name, address in uris.items()}
    return MlflowRegistry(apis, ControllerTelemetry(metrics))


async def test_an_alias_is_its_version_with_its_time_of_creation(registry: MlflowRegistry) -> None:
    by_alias = await registry.resolve(RegistryRef(model="m", alias="champion"))
    by_number = await registry.resolve(RegistryRef(model="m", version="1"))
    assert by_alias == by_number
    assert by_alias.version == "1"
    assert by_alias.created_at_ms > 0


@pytest.mark.parametrize(
    ("reference", "reason", "field"),
    [
        (RegistryRef(model="m", alias="nobody"), "AliasNotFound", "spec.registry.alias"),
        (RegistryRef(model="m", version="99"), "VersionNotFound", "spec.registry.version"),
        (RegistryRef(model="none", alias="champion"), "ModelNotFound", "spec.registry.model"),
        (RegistryRef(model="none", version="1"), "ModelNotFound", "spec.registry.model"),
        (RegistryRef(model="Registered Model with name=x", alias="a"), "ModelNotFound", "spec.registry.model"),
        (RegistryRef(model=NAMED_LIKE_AN_ERROR, alias="nobody"), "AliasNotFound", "spec.registry.alias"),
        (RegistryRef(model=NAMED_LIKE_AN_ERROR, version="99"), "VersionNotFound", "spec.registry.version"),
    ],
    ids=["alias", "version", "model-by-alias", "model-by-version", "model", "alias-of-odd", "version-of-odd"],
)
async def test_what_does_not_exist_is_named_by_its_field(
    registry: MlflowRegistry, reference: RegistryRef, reason: str, field: str
) -> None:
    with pytest.raises(VersionMissing) as missing:
        await registry.resolve(reference)
    assert missing.value.reason == reason
    assert str(missing.value).startswith(field)


async def test_a_registry_that_is_away_is_said_in_words_that_do_not_change_and_is_counted(
    registry: MlflowRegistry, metrics: CollectorRegistry
) -> None:
    """Words that change with each try would be a status write with each try."""
    said = set()
    for _ in range(2):
        with pytest.raises(RegistryAway) as away:
            await registry.resolve(RegistryRef(model="m", alias="champion", connection="nobody"))
        said.add(str(away.value))
    assert len(said) == 1
    assert "registry 'nobody' does not answer" in said.pop()
    labels = {"registry": "nobody"}
    assert metrics.get_sample_value("penstock_controller_registry_errors_total", labels) == 2
