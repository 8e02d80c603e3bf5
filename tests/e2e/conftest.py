"""One installation of Penstock and MLflow for the run; a namespace of its own for each test."""

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from penstock_testing.artifacts import MAX_ARTIFACT_BYTES, MAX_FILES, MAX_REFERENCE_BYTES, OPEN_SECONDS
from penstock_testing.cluster import Cluster
from penstock_testing.platform import ROOT, Platform, namespace
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import Scene

# MLflow's client would try for minutes to reach a server that a test has taken away.
os.environ |= {"MLFLOW_HTTP_REQUEST_TIMEOUT": "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}


_LAST = "test_api_audit.py"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The audit looks back on all others."""
    items.sort(key=lambda item: item.path.name == _LAST)


@pytest.fixture(scope="session", autouse=True)
def suite_began() -> float:
    """Unix time."""
    return time.time()


@pytest.fixture(scope="session")
def suite_is_whole(request: pytest.FixtureRequest) -> bool:
    """Whether no end-to-end test was left out: neither by a path or name, nor by an expression, nor by its failure."""
    here = Path(__file__).parent
    files = {item.path for item in request.session.items if item.path.is_relative_to(here)}
    chosen = [request.config.getoption(name) for name in ("keyword", "markexpr", "lf", "deselect")]
    by_name = any("::" in argument for argument in request.config.args)
    return files == set(here.rglob("test_*.py")) and not any(chosen) and not by_name


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    return Cluster.from_environment()


@pytest.fixture(scope="session")
def platform(cluster: Cluster) -> Iterator[Platform]:
    found = Platform(cluster)
    found.install_mlflow()
    found.install(
        "controller.pollSeconds=1",  # half of the default: an alias moves a hundred times
        f"modelStore.maxArtifactBytes={MAX_ARTIFACT_BYTES}",
        f"modelStore.maxFiles={MAX_FILES}",
        f"modelStore.maxReferenceBytes={MAX_REFERENCE_BYTES}",
        f"modelStore.openSeconds={OPEN_SECONDS}",
    )
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
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())[:40].strip("-")
    name = f"{words}-{uuid4().hex[:6]}"  # the namespace of an earlier test with such a name may still be leaving
    platform.cluster.apply(namespace(name))
    yield name
    # Not waited for: Kubernetes looks again only after the pods' whole grace period.
    platform.cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def scene(platform: Platform, registry: RegisteredModels, users: str, tmp_path: Path) -> Scene:
    return Scene(platform=platform, registry=registry, namespace=users, folder=tmp_path)


@pytest.fixture
def told(scene: Scene, request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """What `kubectl describe` says of the test's ModelDeployment; how it ends is kept in build/describe."""
    yield scene.deployed().describe
    file = ROOT / "build" / "describe" / f"{request.node.name}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(scene.deployed().describe())
