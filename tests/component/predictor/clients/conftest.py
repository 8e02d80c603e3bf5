"""Predictors for the clients' models, and what each client's script told."""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from testcluster import paths

from penstock_testing import tiny_models
from penstock_testing.client_calls import DOUBLED, SCALED, TYPED, Seen

from ..conftest import PredictorProcess  # noqa: TID252 - these are the predictor's tests, too
from .environment import CLIENTS, python_for

HOST = "127.0.0.1"
NAMES = ("tritonclient", "kserve", "mlserver", "curl")
CALLS_SECONDS = 120
MODELS: Mapping[str, Callable[[Path], Path]] = {
    SCALED: lambda file: tiny_models.scaled(file, 3),
    TYPED: tiny_models.typed_columns,
    DOUBLED: tiny_models.doubled,
}


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of the models that are asked, by name."""
    return {name: build(tmp_path_factory.mktemp(name) / "model.onnx") for name, build in MODELS.items()}


@pytest.fixture(scope="session")
def addresses(model_files: Mapping[str, Path]) -> Iterator[str]:
    """A predictor for each model; their addresses as the scripts take them."""
    started: list[PredictorProcess] = []
    told: dict[str, dict[str, str]] = {"http": {}, "grpc": {}}
    try:
        for name, file in model_files.items():
            port = _free_port()
            started.append(PredictorProcess("serve", environment=_settings(name, file, port)))
            told["http"][name] = started[-1].ready().removeprefix("http://")
            told["grpc"][name] = f"{HOST}:{port}"
        yield json.dumps(told)
    finally:
        for predictor in started:
            predictor.process.kill()
            predictor.process.wait()


def _settings(name: str, file: Path, grpc_port: int) -> dict[str, str]:
    settings = {
        "listen_host": HOST,
        "listen_port": 0,
        "grpc_port": grpc_port,
        "model_name": name,
        "model_dir": file.parent,
        "termination_log": file.parent / "termination-log",
    }
    return {f"PENSTOCK_{key.upper()}": str(value) for key, value in settings.items()}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def told(addresses: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """What each client's script wrote."""
    folder = tmp_path_factory.mktemp("told")
    return {client: _calls(client, addresses, folder / f"{client}.json") for client in NAMES}


def _calls(client: str, addresses: str, file: Path) -> Seen:
    command = [str(python_for(client)), str(CLIENTS / client / "calls.py"), addresses, str(file)]
    shared = paths.PROJECT / "tests" / "support" / "src"
    environment = os.environ | {"PYTHONPATH": str(shared), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(command, env=environment, timeout=CALLS_SECONDS, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{client}: {ended.stdout}{ended.stderr}"
    seen: Seen = json.loads(file.read_text())
    return seen
