"""One installation of Penstock and MLflow for the run; a namespace of its own for each test."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testing.cluster import Cluster
from penstock_testing.platform import ROOT, Platform, namespace
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import Scene


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster.from_environment()


@pytest.fixture(scope="session")
def platform(cluster: Cluster) -> Iterator[Platform]:
    found = Platform(cluster)
    found.install_mlflow()
    found.install("modelStore.maxArtifactBytes=1048576", "modelStore.openSeconds=4")
    found.wait_for_mlflow()
    yield found
    if not cluster.name:  # a cluster of our own ends as a whole
        found.uninstall()


@pytest.fixture(scope="session")
def registry(platform: Platform) -> RegisteredModels:
    return RegisteredModels(platform.mlflow().url)


@pytest.fixture
def users(platform: Platform, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, under Pod Security `restricted`."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:50].strip("-")
    platform.cluster.apply(namespace(name))
    yield name
    platform.cluster.kubectl("delete", "namespace", name, "--timeout=120s", seconds=130)


@pytest.fixture
def scene(platform: Platform, registry: RegisteredModels, users: str, tmp_path: Path) -> Scene:
    return Scene(platform=platform, registry=registry, namespace=users, folder=tmp_path)


@pytest.fixture(scope="session")
def project() -> Path:
    return ROOT
