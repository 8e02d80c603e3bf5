"""What several parts' component tests share: a real API server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testing.compiled_predictor import compiled_predictor

CLUSTER = Path(__file__).resolve().parents[1] / "cluster" / "cluster"

# Before a test imports or starts it: the predictor is tested as its image has it. Unit tests run its sources.
_COMPILED = str(compiled_predictor())
sys.path.insert(0, _COMPILED)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [_COMPILED, os.environ.get("PYTHONPATH")]))


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
