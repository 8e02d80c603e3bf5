"""The faulty models in the real predictor, as a process of its own: one that hangs can only be killed."""

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from penstock_testing.faulty_models import Build, failing, hanging
from penstock_testing.model_folder import card_of
from penstock_testing.store_opening import opened

START_SECONDS = 60
IN_FLIGHT = 3

Serve = Callable[[Build], httpx.Client]


def write(build: Build, folder: Path) -> None:
    """The model with the card that the store would give it."""
    build(folder)
    inspection = opened(folder / "model.onnx", folder / "serving_input_example.json").inspection
    assert inspection is not None
    card = card_of(folder, request=inspection.golden.request, response=inspection.golden.response)
    (folder / "card.json").write_text(card.model_dump_json())


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    settings = {
        "LISTEN_HOST": "127.0.0.1",
        "LISTEN_PORT": port,
        "MODEL_DIR": folder,
        "REQUEST_TIMEOUT_SECONDS": 0.3,
        "MAX_IN_FLIGHT": IN_FLIGHT,
        "THREADS": 1,
        "GRPC_PORT": 0,
    }
    environment = os.environ | {f"PENSTOCK_{name}": str(value) for name, value in settings.items()}
    command = [sys.executable, "-m", "penstock_predictor", "serve"]
    return subprocess.Popen(command, env=environment | {"ORT_DISABLE_TELEMETRY": "1"}, stdout=subprocess.DEVNULL)


def wait_ready(client: httpx.Client) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        try:
            if client.get("/v2/health/ready").status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"not ready in {START_SECONDS} s")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A ready predictor for a model; it does not outlive the test."""
    processes: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []

    def serving(build: Build) -> httpx.Client:
        write(build, tmp_path)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        processes.append(start(tmp_path, port))
        clients.append(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10))
        wait_ready(clients[-1])
        return clients[-1]

    yield serving
    for client in clients:
        client.close()
    for process in processes:
        process.kill()
        process.wait()


def ask(client: httpx.Client, first: float) -> int:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [first, -2.0]}
    return client.post("/v2/models/model/infer", json={"inputs": [tensor]}).status_code


def test_a_model_that_fails_at_a_fifth_is_ready_and_answers_a_fifth_with_500(serve: Serve) -> None:
    client = serve(failing(5.0, share=0.2))
    assert Counter(ask(client, (number + 0.5) / 20) for number in range(20)) == {500: 4, 200: 16}


def test_a_model_that_always_fails_is_ready_and_answers_its_example_only(serve: Serve) -> None:
    client = serve(failing(5.0))
    assert [ask(client, first) for first in (0.01, 0.99, 1.0)] == [500, 500, 200]


def test_a_model_that_hangs_is_ready_and_answers_that_it_is_late_or_that_it_is_full(serve: Serve) -> None:
    client = serve(hanging(5.0))
    assert ask(client, 1.0) == 200
    asked = IN_FLIGHT + 2
    with ThreadPoolExecutor(asked) as callers:
        statuses = Counter(callers.map(lambda _: ask(client, 0.5), range(asked)))
    assert statuses == {504: IN_FLIGHT, 429: 2}
    assert client.get("/v2/health/ready").status_code == 200
