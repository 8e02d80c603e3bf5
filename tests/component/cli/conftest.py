from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from kubernetes.client import ApiClient, Configuration
from kubernetes.config import new_client_from_config

from penstock_cli.cluster_client import ClusterClient
from penstock_cli.kubernetes_api import KubernetesApi
from penstock_testing.documents import read
from penstock_testing.plugin import Plugin
from penstock_testing.plugin_rig import PluginRig, install_crd
from penstock_testing.scripted_api import ScriptedApi, scripted_api

ON_TRIAL = Path(__file__).parents[2] / "data" / "cli" / "on_trial.yaml"


@pytest.fixture(scope="session")
def admin(api_server: str) -> ApiClient:
    """A real API server, with every right."""
    return new_client_from_config(api_server)


@pytest.fixture(scope="session")
def with_crd(admin: ApiClient) -> ApiClient:
    """The same, with the CRD served."""
    install_crd(admin)
    return admin


@pytest.fixture
def moment() -> dict[str, Any]:
    """A moment of a rollout, and of its pods and Events."""
    found: dict[str, Any] = read(ON_TRIAL.read_text())
    return found


@pytest.fixture
def rig(with_crd: ApiClient, moment: dict[str, Any]) -> Iterator[PluginRig]:
    """A ModelDeployment at that moment, in a namespace of its own."""
    rig = PluginRig(with_crd, f"cli-{uuid4().hex[:8]}", moment)
    rig.create()
    yield rig
    rig.delete()


@pytest.fixture
def client(with_crd: ApiClient) -> ClusterClient:
    return ClusterClient(KubernetesApi(with_crd))


@pytest.fixture
def plugin(api_server: str) -> Plugin:
    return Plugin(api_server)


@pytest.fixture
def scripted() -> Iterator[ScriptedApi]:
    """An API server that misbehaves on purpose."""
    with scripted_api() as api:
        yield api


@pytest.fixture
def scripted_client(scripted: ScriptedApi) -> ClusterClient:
    """A client of that one."""
    configuration = Configuration()
    configuration.host = scripted.url
    configuration.retries = 0
    return ClusterClient(KubernetesApi(ApiClient(configuration)))
