"""One installation of Penstock and MLflow for the run; a namespace of its own for each test."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from penstock_testing.cluster import KubernetesCluster
from penstock_testing.deep import is_left_out
from penstock_testing.lanes import LANES, LAST, EndToEndRun, lane_of
from penstock_testing.platform import ROOT, Platform, namespace
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.scenes import RolloutScene

# MLflow's client would try for minutes to reach a server that a test has taken away. One that runs may need half a
# minute for an answer: it shares the processors with all that the tests load.
os.environ |= {"MLFLOW_HTTP_REQUEST_TIMEOUT": "30", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}


class Lane:
    """Chooses the tests of this process' lane, and notes which of them passed, for those that look back."""

    def __init__(self, config: pytest.Config) -> None:
        self._chosen = config.getoption("--lane")
        self._is_worker = hasattr(config, "workerinput")
        self.collected: list[pytest.Item] = []
        """Every test of this depth, of all lanes, before an expression left any out."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        self.collected = [item for item in items if not is_left_out(item)]
        others = [item for item in items if lane_of(mark.name for mark in item.iter_markers()) != self._chosen]
        config.hook.pytest_deselected(items=others)
        items[:] = sorted((item for item in items if item not in set(others)), key=_looks_back)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and report.passed and not self._is_worker:  # a worker's reports come here, too
            EndToEndRun.from_environment().add_passed([_name(report.location)])


def _looks_back(item: pytest.Item) -> bool:
    return item.get_closest_marker(LAST) is not None


def _name(location: tuple[str, int | None, str]) -> str:
    """As a node id, without the group that xdist writes behind that."""
    return f"{location[0]}::{location[2]}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lane", choices=LANES, required=True, help="which end-to-end tests: `make e2e` runs all lanes")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Lane(config), "lane")


@pytest.fixture(scope="session")
def suite_began() -> float:
    """Unix time."""
    return EndToEndRun.from_environment().began


@pytest.fixture(scope="session")
def suite_is_whole(request: pytest.FixtureRequest) -> bool:
    """Whether every end-to-end test of all lanes has passed in this run."""
    lane = request.config.pluginmanager.get_plugin("lane")
    assert isinstance(lane, Lane)
    here = Path(__file__).parent
    looked_into = {item.path for item in lane.collected}
    others = {_name(item.location) for item in lane.collected if not _looks_back(item)}
    return looked_into == set(here.rglob("test_*.py")) and others <= EndToEndRun.from_environment().passed()


@pytest.fixture(scope="session")
def cluster() -> KubernetesCluster:
    return KubernetesCluster.from_environment()


@pytest.fixture(scope="session")
def platform(cluster: KubernetesCluster) -> Platform:
    """As it was installed before the first test."""
    return Platform(cluster)


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
def upgraded(platform: Platform) -> Iterator[Platform]:
    """A platform that may be upgraded; afterwards it has the values from before."""
    values = platform.values()
    yield platform
    platform.restore(values)


@pytest.fixture
def scene(platform: Platform, registry: RegisteredModels, users: str, tmp_path: Path) -> RolloutScene:
    return RolloutScene(platform=platform, registry=registry, namespace=users, folder=tmp_path)


@pytest.fixture
def told(scene: RolloutScene, request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """What `kubectl describe` says of the test's ModelDeployment; how it ends is kept in build/describe."""
    yield scene.deployed().describe
    file = ROOT / "build" / "describe" / f"{request.node.name}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(scene.deployed().describe())
