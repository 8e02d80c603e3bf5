"""Several processes on one port: the model is loaded once, the others are forks, and each listens for itself.

The kernel spreads new connections over the listeners (SO_REUSEPORT). Forks share the loaded model's memory. The first
process is a worker too, so that none is there for nothing; it passes signals on, and replaces a worker that died. By
then it has threads and cannot fork any more, so a replacement is a program of its own: it loads the model again.
"""

import contextlib
import ctypes
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry

from penstock_contracts.base import evolve
from penstock_predictor.errors import StartError, WorkersDie, report_failure
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.model.loading import Loaded, ModelSource, load_model
from penstock_predictor.settings import PredictorSettings

BACKLOG = 2048
"""Connections that the kernel holds for a listener until it takes them."""
REPLACES = "PENSTOCK_REPLACES"
"""Environment variable of a replacement: its number, the counters' file descriptor and the port, as `1:5:8000`."""
_MOST_DEATHS, _IN_SECONDS = 5, 60.0
"""When workers die more often, the pod ends, and Kubernetes shows that it does."""
_FAILED = 1
_PR_SET_PDEATHSIG = 1

_log = logging.getLogger(__name__)


class WorkerPool:
    """The workers beside this process, each under a number from 1 on."""

    def __init__(self, replace: Callable[[int], int]) -> None:
        """`replace` starts a worker under a number and answers its process id."""
        self._replace = replace
        self._workers: dict[int, int] = {}
        self._deaths: list[float] = []
        self._ending = False

    def add(self, worker: int, pid: int) -> None:
        """A worker was started."""
        self._workers[pid] = worker

    def pass_signal(self, number: int) -> None:
        """Pass a signal on: the pool ends as this process does."""
        self._ending = True
        for pid in self._workers:
            with contextlib.suppress(ProcessLookupError):  # in a signal's handler: `replace_dead` may be at work
                os.kill(pid, number)

    def replace_dead(self) -> None:
        """Replace whoever died. Raises WorkersDie when that happens too often."""
        for pid in list(self._workers):
            if not os.waitpid(pid, os.WNOHANG)[0]:
                continue
            worker = self._workers.pop(pid)
            if self._ending:
                continue
            self._count_death(worker)
            self.add(worker, self._replace(worker))

    def wait(self, seconds: float) -> None:
        """Wait for the last of them; whoever takes longer is killed."""
        end = time.monotonic() + seconds
        while self._workers and time.monotonic() < end:
            self.replace_dead()
            time.sleep(0.02)
        for pid in self._workers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _count_death(self, worker: int) -> None:
        now = time.monotonic()
        self._deaths = [*(at for at in self._deaths if at > now - _IN_SECONDS), now]
        _log.error("a worker ended by itself: it is replaced", extra={"worker": worker})
        if len(self._deaths) > _MOST_DEATHS:
            raise WorkersDie(f"{len(self._deaths)} workers died within {_IN_SECONDS:g} s: see the log before this line")


@dataclass(frozen=True)
class InheritedState:
    """What a process that serves beside others is given."""

    loaded: Loaded | None
    """None: load the model yourself."""
    listener: socket.socket
    pool: WorkerPool | None
    """Of the first worker: the others."""


class RunServer(Protocol):
    """Serves in this process until it is told to end; returns the exit code."""

    def __call__(self, settings: PredictorSettings, metrics: PredictorMetrics, inherited: InheritedState) -> int:
        """Serve."""


def serve_with_workers(settings: PredictorSettings, metrics: PredictorMetrics, run_server: RunServer) -> int:
    """Load, fork, and serve as the first of them; return the exit code when all have ended."""
    try:
        loaded = _load(settings)
    except StartError as error:
        report_failure(error, settings.termination_log)
        return _FAILED
    first = _bind(settings.listen_host, settings.listen_port)
    port: int = first.getsockname()[1]
    settings = evolve(settings, listen_port=port)
    pool = WorkerPool(lambda worker: _start_replacement(worker, metrics.fd, port))
    if settings.grpc_port:
        import penstock_predictor.rpc.server  # noqa: F401, PLC0415 - its code is shared by the forks, too
    gc.collect()
    gc.freeze()  # what is shared stays shared: the collector would write into every object's head
    for worker in range(1, settings.workers):
        pid = os.fork()
        if pid == 0:
            first.close()
            _work(worker, settings, metrics, loaded, run_server)
        pool.add(worker, pid)
    first.listen(BACKLOG)
    _log.info("%s workers running on http://%s:%s", settings.workers, settings.listen_host, port)
    return run_server(settings, metrics, InheritedState(loaded, first, pool))


def replace_worker(place: str, settings: PredictorSettings, run_server: RunServer) -> int:
    """Serve in the place of a worker that died. `place` is the value of REPLACES."""
    worker, fd, port = (int(word) for word in place.split(":"))
    _end_with_parent()
    settings = evolve(settings, listen_port=port)
    metrics = PredictorMetrics(CollectorRegistry(), workers=settings.workers, fd=fd)
    metrics.become_worker(worker)
    try:
        inherited = _inherit(settings, None)
    except StartError as error:
        report_failure(error, settings.termination_log)
        return _FAILED
    return run_server(settings, metrics, inherited)


def _inherit(settings: PredictorSettings, loaded: Loaded | None) -> InheritedState:
    """Of a worker beside the first. It listens when it can answer: the kernel gives it connections from then on."""
    loaded = loaded or load_model(ModelSource.of(settings), report=lambda _: None)
    return InheritedState(loaded, _listen(settings), None)


def _load(settings: PredictorSettings) -> Loaded | None:
    """The model for all workers; None where each must load its own: onnxruntime's threads do not survive a fork."""
    source = ModelSource.of(settings)
    if source.threads > 1 or source.device == "cuda":
        return None
    return load_model(source, report=lambda _: None)


def _work(
    worker: int, settings: PredictorSettings, metrics: PredictorMetrics, loaded: Loaded | None, run_server: RunServer
) -> None:
    """Be a worker until the end of this process. A Ctrl-C reaches the first process alone, which passes it on."""
    code = _FAILED
    try:
        os.setpgid(0, 0)
        _end_with_parent()
        metrics.become_worker(worker)
        code = run_server(settings, metrics, _inherit(settings, loaded))
    except BaseException:  # noqa: BLE001 - the outermost frame of a process
        _log.exception("a worker failed", extra={"worker": worker})
    finally:
        os._exit(code)


def _start_replacement(worker: int, fd: int, port: int) -> int:
    command = [sys.executable, *sys.orig_argv[1:]]
    environment = os.environ | {REPLACES: f"{worker}:{fd}:{port}"}
    process = subprocess.Popen(command, env=environment, pass_fds=[fd], process_group=0)  # noqa: S603 - our own command
    process.returncode = 0  # the pool waits for it, not subprocess
    return process.pid


def _end_with_parent() -> None:
    """However the first process ends, the kernel ends this one too."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _listen(settings: PredictorSettings) -> socket.socket:
    listener = _bind(settings.listen_host, settings.listen_port)
    listener.listen(BACKLOG)
    return listener


def _bind(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(address)
    return bound
