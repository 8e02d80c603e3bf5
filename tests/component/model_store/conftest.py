"""A real MLflow server for the session, and the store as the process it is in production."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from mlflow import set_tracking_uri

from penstock_contracts.model_card import IngestPhase, IngestStatus
from penstock_testing import artifacts
from penstock_testing.mlflow_server import MlflowServer, RegisteredVersion, mlflow_server

WAIT_SECONDS = 60
"""How long a test waits before it gives up; nothing is said about how long things should take."""


@dataclass(frozen=True, kw_only=True)
class Store:
    """A running store."""

    client: httpx.Client
    process: subprocess.Popen[bytes]
    log: Path

    def ask(self, version: RegisteredVersion, registry: str = "default") -> IngestStatus:
        answer = self.client.put(path_of(version, registry), json={"created_at_ms": version.created_at_ms})
        assert answer.status_code == httpx.codes.OK, answer.text
        return IngestStatus.model_validate_json(answer.content)

    def settled(self, version: RegisteredVersion, registry: str = "default") -> IngestStatus:
        """Ask, and look until it is no longer pending."""
        deadline = time.monotonic() + WAIT_SECONDS
        status = self.ask(version, registry)
        while status.phase is IngestPhase.PENDING and time.monotonic() < deadline:
            time.sleep(0.05)
            answer = self.client.get(path_of(version, registry))
            status = IngestStatus.model_validate_json(answer.content)
        return status

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> int:
        self.client.close()
        self.process.send_signal(kind)
        return self.process.wait(WAIT_SECONDS)


def path_of(version: RegisteredVersion, registry: str = "default") -> str:
    return f"/v1/registries/{registry}/models/{version.model}/versions/{version.version}"


StartStore = Callable[..., Store]


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture(scope="session")
def in_place_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact store that is a folder which registry and store share."""
    return tmp_path_factory.mktemp("shared-disk")


@pytest.fixture(scope="session")
def start_store(
    mlflow: MlflowServer, in_place_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartStore]:
    stores: list[Store] = []

    def start(data: Path | None = None, uri: str = mlflow.uri, **settings: str) -> Store:
        folder = tmp_path_factory.mktemp("store")
        environment = _environment(folder, data or folder / "data", uri, in_place_root, settings)
        stores.append(_started(folder, environment))
        return stores[-1]

    yield start
    for store in stores:
        if store.process.poll() is None:
            store.stop(signal.SIGKILL)


@pytest.fixture(scope="session")
def store(start_store: StartStore) -> Store:
    return start_store()


def _environment(folder: Path, data: Path, uri: str, shared: Path, settings: dict[str, str]) -> dict[str, str]:
    registries = folder / "registries.yaml"
    registries.write_text(yaml.safe_dump({"registries": {"default": {"uri": uri}}}))
    chosen = {
        "DATA": str(data),
        "REGISTRIES": str(registries),
        "HOST": "127.0.0.1",
        "PORT": str(_free_port()),
        "MAX_ARTIFACT_BYTES": str(artifacts.MAX_ARTIFACT_BYTES),
        "MAX_REFERENCE_BYTES": str(artifacts.MAX_REFERENCE_BYTES),
        "MAX_FILES": str(artifacts.MAX_FILES),
        "OPEN_SECONDS": str(artifacts.OPEN_SECONDS),
        "OPEN_MEMORY_BYTES": str(artifacts.OPEN_MEMORY_BYTES),
        "LOCAL_ROOTS": f'["{shared}"]',
        **settings,
    }
    return {**os.environ, **{f"PENSTOCK_STORE_{name}": value for name, value in chosen.items()}}


def _started(folder: Path, environment: dict[str, str]) -> Store:
    log = folder / "store.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock_model_store"], env=environment, stdout=output, stderr=output
        )
    client = httpx.Client(base_url=f"http://127.0.0.1:{environment['PENSTOCK_STORE_PORT']}", timeout=10)
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if client.get("/health").status_code == httpx.codes.OK:
                return Store(client=client, process=process, log=log)
        except httpx.TransportError:
            time.sleep(0.05)
    process.kill()
    raise TimeoutError(f"the store did not start: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def mlflow_client(mlflow: MlflowServer) -> None:
    """MLflow's fluent client in this process talks to the server: told outright, since an earlier test may have told
    it another one, which goes before any environment variable.
    """
    set_tracking_uri(mlflow.uri)
