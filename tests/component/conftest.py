"""What several parts' component tests share: a real API server."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient

from penstock_gateway.api_server.watch import connect
from penstock_testing.compiled_predictor import compiled_predictor
from penstock_testing.gateway.cluster import install_crd

CLUSTER = Path(__file__).resolve().parents[1] / "cluster" / "cluster"

# Before a test imports or starts it: the predictor is tested as its image has it. Unit tests run its sources.
_COMPILED = str(compiled_predictor())
sys.path.insert(0, _COMPILED)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_COMPILED, os.environ.get("PYTHONPATH")]))


_STARTED = "a-cluster-was-started"
"""A file in the run's folder."""


class SessionCluster:
    """One cluster for all processes of the run: who needs it first starts it, and it ends with the run."""

    def __init__(self, config: pytest.Config) -> None:
        """Of a run, or of one of the processes of `pytest -n`."""
        theirs: dict[str, Any] = getattr(config, "workerinput", {})
        self._is_worker = bool(theirs)
        self._run: int = theirs.get("run", os.getpid())
        self._folder = Path(theirs.get("folder") or tempfile.mkdtemp(prefix="component-"))
        self.name = f"component-{self._run}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput |= {"run": self._run, "folder": str(self._folder)}

    def kubeconfig(self) -> str:
        """The path of one with every right; starts the cluster where nobody has."""
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            (self._folder / _STARTED).touch()
            subprocess.run([CLUSTER, "up", self.name, "--owner", str(self._run)], check=True, timeout=3600)
        told = subprocess.run([CLUSTER, "env", self.name], check=True, timeout=60, capture_output=True, text=True)
        return str(json.loads(told.stdout)["kubeconfig"])

    def pytest_unconfigure(self) -> None:
        if self._is_worker:
            return
        if (self._folder / _STARTED).exists():
            subprocess.run([CLUSTER, "down", self.name], check=False, timeout=120)
        shutil.rmtree(self._folder, ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(SessionCluster(config), "session-cluster")


@pytest.fixture(scope="session")
def api_server(pytestconfig: pytest.Config) -> str:
    """The path of a kubeconfig with every right on a cluster of this test run's own; it ends with the run."""
    cluster = pytestconfig.pluginmanager.get_plugin("session-cluster")
    assert isinstance(cluster, SessionCluster)
    return cluster.kubeconfig()


@pytest.fixture
async def api(api_server: str) -> AsyncIterator[ApiClient]:
    """Connected as the agent connects; the CRD is served."""
    async with await connect(api_server, in_cluster=False) as api:
        await install_crd(api)
        yield api
