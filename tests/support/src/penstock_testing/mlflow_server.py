"""A real MLflow server on loopback, and registering folders with one, wherever it runs."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

import httpx
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

_START_SECONDS = 120
_ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


@dataclass(frozen=True, kw_only=True)
class RegisteredVersion:
    """A version in a registry."""

    model: str
    version: str
    created_at_ms: int


@dataclass(frozen=True, kw_only=True)
class MlflowServer:
    """A running server."""

    uri: str
    folder: Path
    """Its database, artifacts and log."""


ADMIN, PASSWORD = "admin", "a-password-of-tests"
"""Of a server that asks who calls."""


@contextmanager
def mlflow_server(folder: Path, *, basic_auth: bool = False) -> Iterator[MlflowServer]:
    """Run a server that keeps all in a folder and hands out artifacts itself; ended with the block.

    `basic_auth`: it lets nobody in but ADMIN and whom that lets in, by MLflow's own app for that.
    """
    port = _free_port()
    uri = f"http://127.0.0.1:{port}"
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*_command(folder, port), *(["--app-name", "basic-auth"] if basic_auth else [])],
            env={**os.environ, **_ENVIRONMENT, **(_basic_auth(folder) if basic_auth else {})},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(uri, process, folder / "server.log")
        yield MlflowServer(uri=uri, folder=folder)
    finally:
        # Its own session: the server's workers go with it.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def register_folder(tracking_uri: str, model: str, folder: Path, *, source: str = "model") -> RegisteredVersion:
    """Upload a folder as a run's artifact `model` and register it as the model's next version.

    `source`: what the version names, below the run's artifacts.
    """
    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    run = client.create_run(_experiment(client, "penstock", None))
    client.log_artifacts(run.info.run_id, str(folder), "model")
    return _registered(client, model, run, source)


def register_in_place(
    tracking_uri: str, model: str, build: Callable[[Path], None], root: Path, *, source: str = "model"
) -> RegisteredVersion:
    """Build an artifact in a folder that the registry knows as a `file:` location, and register it unmoved.

    `source`: as for `register_folder`.
    """
    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    run = client.create_run(_experiment(client, f"in-place-{root.name}", root.as_uri()))
    folder = Path(unquote(urlparse(run.info.artifact_uri).path)) / "model"
    folder.mkdir(parents=True)
    build(folder)
    return _registered(client, model, run, source)


def _registered(client: MlflowClient, model: str, run: Run, source: str) -> RegisteredVersion:
    with contextlib.suppress(MlflowException):
        client.create_registered_model(model)
    created = client.create_model_version(model, f"{run.info.artifact_uri}/{source}", run.info.run_id)
    return RegisteredVersion(model=model, version=str(created.version), created_at_ms=created.creation_timestamp)


def _experiment(client: MlflowClient, name: str, location: str | None) -> str:
    known = client.get_experiment_by_name(name)
    return known.experiment_id if known else client.create_experiment(name, artifact_location=location)


def _command(folder: Path, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
    ]


def _basic_auth(folder: Path) -> dict[str, str]:
    """Settings of MLflow's app; users may read what nobody lets them edit."""
    file = folder / "basic_auth.ini"
    file.write_text(
        "[mlflow]\n"
        "default_permission = READ\n"
        f"database_uri = sqlite:///{folder / 'users.db'}\n"
        f"admin_username = {ADMIN}\n"
        f"admin_password = {PASSWORD}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    return {"MLFLOW_AUTH_CONFIG_PATH": str(file), "MLFLOW_FLASK_SERVER_SECRET_KEY": "a-key-of-tests"}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"MLflow ended with code {process.returncode}: {log.read_text()[-2000:]}")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{uri}/health", timeout=2).status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise TimeoutError(f"MLflow at {uri} does not answer after {_START_SECONDS} s: {log.read_text()[-2000:]}")
