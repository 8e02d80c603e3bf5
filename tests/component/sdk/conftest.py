"""A real MLflow server, and models served by `penstock serve`."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient, set_tracking_uri

from penstock_testing.mlflow_server import MlflowServer, mlflow_server
from penstock_testing.platform import ROOT

EXAMPLES = ROOT / "sdk" / "examples"
START_SECONDS = 120
Serving = Callable[[str], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    """A real MLflow server with an empty registry."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


@pytest.fixture(scope="module")
def mlflow_uri(mlflow: MlflowServer) -> Iterator[str]:
    """The server, which MLflow's client and the commands are set to: told outright, since an earlier test may have
    told the client another one.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", mlflow.uri)
        patch.syspath_prepend(str(EXAMPLES))
        set_tracking_uri(mlflow.uri)
        yield mlflow.uri


@pytest.fixture
def client(mlflow_uri: str) -> MlflowClient:
    return MlflowClient(tracking_uri=mlflow_uri, registry_uri=mlflow_uri)


@pytest.fixture
def serving(mlflow_uri: str) -> Serving:
    """Serve a model as `penstock serve` does; the block has its address."""

    @contextlib.contextmanager
    def serve(model: str) -> Iterator[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock", "serve", model, "--port", "0"],
            env=os.environ | {"MLFLOW_TRACKING_URI": mlflow_uri, "PENSTOCK_TERMINATION_LOG": os.devnull},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield _ready(process)
        finally:
            process.kill()
            process.wait()

    return serve


def _ready(process: "subprocess.Popen[str]") -> str:
    """Read its log until it listens, and wait until it is ready."""
    late = threading.Timer(START_SECONDS, process.kill)
    late.start()
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        for line in process.stdout:
            message = json.loads(line)["message"]
            address: str | None = next((word for word in message.split() if word.startswith("http://127.0.0.1:")), None)
            if address:
                transport = httpx.HTTPTransport(retries=5)
                with httpx.Client(transport=transport, timeout=START_SECONDS) as client:
                    while client.get(f"{address}/v2/health/ready").status_code != httpx.codes.OK:
                        assert process.poll() is None, process.stderr.read()
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return address
    finally:
        late.cancel()
    raise AssertionError(f"it ended before it listened: {process.stderr.read()}")


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that the test works in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
