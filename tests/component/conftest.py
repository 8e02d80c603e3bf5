"""What several parts' component tests share: a real API server."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CLUSTER = Path(__file__).resolve().parents[1] / "cluster" / "cluster"


@pytest.fixture(scope="session")
def api_server() -> Iterator[str]:
    """The path of a kubeconfig with every right on a cluster of this test run's own; it ends with the run."""
    name = f"component-{os.getpid()}"
    subprocess.run([CLUSTER, "up", name, "--owner", str(os.getpid())], check=True, timeout=3600)
    try:
        told = subprocess.run([CLUSTER, "env", name], check=True, timeout=60, capture_output=True, text=True)
        yield json.loads(told.stdout)["kubeconfig"]
    finally:
        subprocess.run([CLUSTER, "down", name], check=False, timeout=120)
