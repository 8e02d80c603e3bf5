"""A predictor inside the test (ASGI through its lifespan) and one of its own (a process on loopback)."""

import asyncio
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.base import evolve
from penstock_contracts.digest import digest_of
from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_contracts.model_card import ModelCard
from penstock_predictor.errors import StartError
from penstock_predictor.lazy_app import LazyApp
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.settings import PredictorSettings
from penstock_testing import tiny_models
from penstock_testing.model_folder import card_of

START_SECONDS = 60


@dataclass
class RunningApp:
    """An application between startup and shutdown."""

    app: LazyApp
    client: httpx.AsyncClient
    registry: CollectorRegistry
    lifecycle: Lifecycle
    fatal: list[StartError] = field(default_factory=list)

    async def settled(self) -> str:
        """Wait until it is ready or failed; return which."""
        async with asyncio.timeout(START_SECONDS):
            while self.lifecycle.state.stage == "Loading":  # noqa: ASYNC110 - as a probe does
                await asyncio.sleep(0.01)
        return self.lifecycle.state.stage


StartApp = Callable[..., AbstractAsyncContextManager[RunningApp]]


@pytest.fixture
def start_app(monkeypatch: pytest.MonkeyPatch) -> StartApp:
    """Start an application for a folder; keyword arguments are settings."""
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "1")

    @contextlib.asynccontextmanager
    async def start(folder: Path, *, grpc_port: int = 0, **settings: Any) -> AsyncIterator[RunningApp]:
        registry, lifecycle, fatal = CollectorRegistry(), Lifecycle(), list[StartError]()
        app = LazyApp(
            PredictorSettings(model_dir=folder, grpc_port=grpc_port, **settings),
            metrics=PredictorMetrics(registry),
            lifecycle=lifecycle,
            on_fatal=fatal.append,
        )
        transport = httpx.ASGITransport(app)
        async with (
            app.lifespan(),
            httpx.AsyncClient(transport=transport, base_url="http://predictor") as client,
        ):
            running = RunningApp(app, client, registry, lifecycle, fatal)
            await running.settled()
            yield running

    return start


def tensor(name: str, datatype: str, shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


@pytest.fixture
def scaled_folder(tmp_path: Path) -> Path:
    """A folder with `y = 3 * x` and a card whose golden answer is right."""
    write_scaled(tmp_path, factor=3, golden_factor=3)
    return tmp_path


def write_scaled(folder: Path, *, factor: float, golden_factor: float) -> ModelCard:
    """`y = factor * x`, with a golden answer that says `golden_factor`."""
    tiny_models.scaled(folder / "model.onnx", factor)
    request = InferRequest(inputs=(RequestInput(name="x", shape=(1, 2), datatype="FP32", data=[1, 2]),))
    output = ResponseOutput(name="y", shape=(1, 2), datatype="FP32", data=[golden_factor, 2 * golden_factor])
    card = card_of(folder, request=request, response=InferResponse(model_name="m", outputs=(output,)))
    (folder / "card.json").write_text(card.model_dump_json())
    return card


def write_huge(folder: Path) -> None:
    """A sparse file so large that verifying it takes a minute: the predictor loads on and on."""
    card = write_scaled(folder, factor=3, golden_factor=3)
    size = 100 * 1024**3
    with (folder / "model.onnx").open("r+b") as model:
        model.truncate(size)
    files = (evolve(card.files[0], size=size),)
    large = evolve(card, files=files, digest=digest_of(files))
    (folder / "card.json").write_text(large.model_dump_json())


WriteScaled = Callable[..., ModelCard]


@pytest.fixture(name="write_scaled")
def _write_scaled() -> WriteScaled:
    return write_scaled


class PredictorProcess:
    """`python -m penstock_predictor` on a free port of loopback."""

    def __init__(self, *arguments: str, environment: dict[str, str]) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "penstock_predictor", *arguments],
            env=clean | environment | {"ORT_DISABLE_TELEMETRY": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self.seen: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.url = ""

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def logged(self, words: str) -> dict[str, Any]:
        """Wait for a log line with these words."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            line = self._lines.get(timeout=START_SECONDS)
            self.seen.append(line)
            if words in line["message"]:
                return line
        raise AssertionError(f"{words!r} was not logged: {self.seen}")

    def listening(self) -> str:
        """Wait until it listens; return its address."""
        line = self.logged("unning on http://")["message"]
        self.url = next(word for word in line.split() if word.startswith("http://"))
        return self.url

    def ready(self) -> str:
        """Wait until it is ready; return its address."""
        url = self.listening()
        with httpx.Client(base_url=url, timeout=5) as client:
            end = time.monotonic() + START_SECONDS
            while client.get("/v2/health/ready").status_code != 200:
                assert time.monotonic() < end, self.seen
                time.sleep(0.02)
        return url

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self, seconds: float = START_SECONDS) -> int:
        """Wait for its end; return the exit code."""
        return self.process.wait(seconds)


StartProcess = Callable[..., PredictorProcess]


@pytest.fixture
def start_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartProcess]:
    """Start processes; keyword arguments are settings. None outlives the test."""
    started: list[PredictorProcess] = []
    no_file = tmp_path_factory.mktemp("termination") / "absent" / "log"

    def start(command: str, *arguments: str, **settings: object) -> PredictorProcess:
        environment = {"PENSTOCK_LISTEN_HOST": "127.0.0.1", "PENSTOCK_LISTEN_PORT": "0", "PENSTOCK_GRPC_PORT": "0"}
        environment["PENSTOCK_TERMINATION_LOG"] = str(no_file)
        environment |= {f"PENSTOCK_{name.upper()}": str(value) for name, value in settings.items()}
        process = PredictorProcess(command, *arguments, environment=environment)
        started.append(process)
        return process

    yield start
    for process in started:
        process.process.kill()
        process.process.wait()


@pytest.fixture
def scaled(tmp_path: Path) -> Path:
    """A folder with `y = 3 * x` and no card."""
    tiny_models.scaled(tmp_path / "model.onnx", 3)
    return tmp_path


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A folder with a model that is as slow as it is asked to be."""
    tiny_models.slow(tmp_path / "model.onnx")
    return tmp_path
