import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from penstock_testing.mlflow_server import mlflow_server

START_SECONDS = 120


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server with an empty registry."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server.uri


@pytest.fixture(scope="session")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A real drift monitor that knows nobody yet; its model store is away."""
    folder = tmp_path_factory.mktemp("monitor")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "PENSTOCK_DATA": str(folder / "data"),
        "PENSTOCK_STORE_URL": "http://127.0.0.1:9",
        "PENSTOCK_HOST": "127.0.0.1",
        "PENSTOCK_PORT": str(port),
    }
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "penstock_drift_monitor"]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
        try:
            _wait(client, process, folder / "log")
            yield client
        finally:
            process.kill()
            process.wait()


def _wait(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            if client.get("/health/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError(f"the monitor is not ready after {START_SECONDS} s: {log.read_text()[-2000:]}")
