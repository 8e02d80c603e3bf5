"""The monitor as the process it is in production, and a model store of three paths."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from penstock_contracts.drift import DriftReport, DriftVerdict, DriftWish

WAIT_SECONDS = 60
"""How long a test waits before it gives up; nothing is said about how long things should take."""


def eventually(question: Callable[[], bool], what: str) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not question():
        assert time.monotonic() < deadline, f"not within {WAIT_SECONDS} s: {what}"
        time.sleep(0.05)


@dataclass
class FileStore:
    """Serves what is in `files`, by path; everything else is 404."""

    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def file_store() -> Iterator[FileStore]:
    """Run one."""
    files = FileStore()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            files.asked.append(self.path)
            body = files.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("content-length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the base
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    files.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def store() -> Iterator[FileStore]:
    with file_store() as files:
        yield files


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """A running monitor."""

    client: httpx.Client
    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def post(self, body: bytes) -> httpx.Response:
        return self.client.post("/v1/records", content=body)

    def watch(self, wish: DriftWish, name: str = "fraud") -> DriftReport:
        answer = self.client.put(f"/v1/resources/shop/{name}", json=wish.model_dump())
        assert answer.status_code == httpx.codes.OK, answer.text
        return DriftReport.model_validate_json(answer.content)

    def drift(self, name: str = "fraud") -> DriftReport:
        answer = self.client.get(f"/v1/drift/shop/{name}")
        assert answer.status_code == httpx.codes.OK, answer.text
        return DriftReport.model_validate_json(answer.content)

    def has_reference(self, name: str = "fraud") -> None:
        eventually(lambda: self.drift(name).reference_rows > 0, "the reference sample is here")

    def stop(self, kind: signal.Signals = signal.SIGTERM) -> int:
        self.client.close()
        self.process.send_signal(kind)
        return self.process.wait(WAIT_SECONDS)


StartMonitor = Callable[..., Monitor]


@pytest.fixture
def start_monitor(tmp_path: Path, store: FileStore) -> Iterator[StartMonitor]:
    with monitors(tmp_path, store) as start:
        yield start


def free_port() -> int:
    """Give a port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def monitors(folder: Path, store: FileStore) -> Iterator[StartMonitor]:
    """Start one over a folder; again after the one before has ended. All end with the block."""
    started: list[Monitor] = []

    def start(limits: Callable[[], None] | None = None, **settings: str) -> Monitor:
        port = int(settings.get("port") or free_port())
        log = folder / f"monitor-{len(started)}.log"
        environment = os.environ | {
            "PENSTOCK_DATA": str(folder / "data"),
            "PENSTOCK_STORE_URL": store.url,
            "PENSTOCK_HOST": "127.0.0.1",
            "PENSTOCK_PORT": str(port),
            "PENSTOCK_RETRY_FIRST_SECONDS": "0.1",
            **{f"PENSTOCK_{key.upper()}": value for key, value in settings.items()},
        }
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "penstock_drift_monitor"],
                env=environment,
                stdout=out,
                stderr=subprocess.STDOUT,
                preexec_fn=limits,  # noqa: PLW1509 - a limit of this process alone, before it runs anything
            )
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)
        monitor = Monitor(client=client, process=process, log=log, port=port)
        started.append(monitor)
        eventually(lambda: process.poll() is not None or _ready(client), "the monitor is ready")
        return monitor

    try:
        yield start
    finally:
        for monitor in started:
            monitor.client.close()
            if monitor.process.poll() is None:
                monitor.process.kill()
            monitor.process.wait(WAIT_SECONDS)


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def is_judged(report: DriftReport) -> bool:
    return report.verdict in {DriftVerdict.DRIFT, DriftVerdict.NO_DRIFT}
