"""Several processes on one port: the model is loaded once, then each worker is a fork that listens for itself.

The kernel spreads new connections over the listeners (SO_REUSEPORT). Forks share the loaded model's memory. The first
process serves nothing: it passes signals on, and puts a worker that died in its place again.
"""

import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Protocol

from penstock_predictor.errors import StartError
from penstock_predictor.loading import Loaded, ModelSource, load_model
from penstock_predictor.metrics import Metrics
from penstock_predictor.settings import Settings
from penstock_predictor.termination import report_failure

BACKLOG = 2048
"""Connections that the kernel holds for a listener until it takes them."""
_MOST_DEATHS, _IN_SECONDS = 5, 60.0
"""Workers that die more often than this are not started again: the pod ends, and Kubernetes shows that it does."""
_FAILED = 1

_log = logging.getLogger(__name__)


class RunServer(Protocol):
    """Serves in this process until it is told to end; returns the exit code."""

    def __call__(self, settings: Settings, metrics: Metrics, loaded: Loaded | None, listener: socket.socket) -> int:
        """Serve."""


def serve_with_workers(settings: Settings, metrics: Metrics, run_server: RunServer) -> int:
    """Load, fork, and watch over the workers; return the exit code when all have ended."""
    try:
        loaded = _load(settings)
    except StartError as error:
        report_failure(error, settings.termination_log)
        return _FAILED
    reserved = _bind(settings.listen_host, settings.listen_port)
    port: int = reserved.getsockname()[1]
    settings = settings.model_copy(update={"listen_port": port})

    def work(worker: int) -> int:
        metrics.become(worker)
        listener = _bind(settings.listen_host, port)
        listener.listen(BACKLOG)
        return run_server(settings, metrics, loaded, listener)

    gc.collect()
    gc.freeze()  # what is shared stays shared: the collector would write into every object's head
    return Flock(settings.workers, work).run()


def _load(settings: Settings) -> Loaded | None:
    """The model for all workers; None where each must load its own: onnxruntime's threads do not survive a fork."""
    source = ModelSource.of(settings)
    if source.threads > 1 or source.device == "cuda":
        return None
    return load_model(source, report=lambda _: None)


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(address)
    bound.set_inheritable(True)
    return bound


class Flock:
    """Child processes, each doing the same work under its number."""

    def __init__(self, size: int, work: Callable[[int], int]) -> None:
        self._size = size
        self._work = work
        self._workers: dict[int, int] = {}
        self._ending = False
        self._deaths: list[float] = []
        self._code = 0

    def run(self) -> int:
        """Start them all; return the worst exit code when the last has ended."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._pass_on)
        for worker in range(self._size):
            self._start(worker)
        while self._workers:
            pid, status = os.waitpid(-1, 0)
            self._ended(pid, os.waitstatus_to_exitcode(status))
        return self._code

    def _start(self, worker: int) -> None:
        pid = os.fork()
        if pid == 0:
            code = _FAILED
            try:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL)
                code = self._work(worker)
            except BaseException:  # noqa: BLE001 - the outermost frame of a process
                _log.exception("a worker failed", extra={"worker": worker})
            finally:
                os._exit(code)
        self._workers[pid] = worker

    def _ended(self, pid: int, code: int) -> None:
        worker = self._workers.pop(pid, None)
        if worker is None:
            return  # an orphan that was handed to process 1 of the container
        if self._ending:
            self._code = self._code or code
            return
        now = time.monotonic()
        self._deaths = [*(at for at in self._deaths if at > now - _IN_SECONDS), now]
        _log.error("a worker ended by itself", extra={"worker": worker, "code": code})
        if code == _FAILED or len(self._deaths) > _MOST_DEATHS:
            self._code = _FAILED
            self._pass_on(signal.SIGTERM)
        else:
            self._start(worker)

    def _pass_on(self, number: int, _: object = None) -> None:
        self._ending = True
        for pid in list(self._workers):
            os.kill(pid, number)
