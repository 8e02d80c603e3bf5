"""uvicorn with our order of ending.

SIGTERM: not ready at once, answering on for the drain time (new connections too, so that Envoy and kube-proxy notice
first), then no new connection, and the end when the last request is answered. SIGINT: the same without the drain time;
again: the end, now.
"""

import functools
import logging
import math
import os
import signal
from types import FrameType

import uvicorn
from prometheus_client import CollectorRegistry, disable_created_metrics

from penstock_predictor import heap
from penstock_predictor.errors import StartError, report_failure
from penstock_predictor.http.connection import HttpConnection
from penstock_predictor.lazy_app import LazyApp
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.process_series import add_process_series
from penstock_predictor.settings import PredictorSettings
from penstock_predictor.workers import BACKLOG, REPLACES, InheritedState, WorkerPool, replace_worker, serve_with_workers

KEEP_ALIVE_SECONDS = 3900
"""Longer than Envoy keeps an idle connection (an hour): were we the first to close, a request could cross the close."""
_INTERRUPTED = 130
_FAILED = 1

_log = logging.getLogger(__name__)


class PredictorServer(uvicorn.Server):
    """A uvicorn server that drains, and that ends when the model cannot be served."""

    def __init__(
        self,
        config: uvicorn.Config,
        lifecycle: Lifecycle,
        drain_seconds: float,
        *,
        metrics: PredictorMetrics,
        pool: WorkerPool | None = None,
    ) -> None:
        super().__init__(config)
        self._metrics = metrics
        self._pool = pool
        self._lifecycle = lifecycle
        self._drain_seconds = drain_seconds
        self._announced = False
        self.fatal: StartError | None = None

    def end_with(self, error: StartError) -> None:
        """End the process with this reason."""
        self.fatal = error
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Called by a signal. uvicorn's own version would have the process die of the signal after a good end."""
        if self._pool:
            self._pool.pass_signal(sig)
        if sig != signal.SIGINT:
            self._lifecycle.drain(self._drain_seconds)
        elif self.should_exit:
            os._exit(_INTERRUPTED)
        else:
            self._lifecycle.drain(0)
            self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if self._lifecycle.draining and not self._announced:
            self._announced = True  # here, because a signal handler may interrupt the logging of another line
            _log.info("draining: not ready, answering on", extra={"seconds": self._drain_seconds})
        if self._lifecycle.drained:
            self.should_exit = True
        self._metrics.write_gauges()
        if self._pool:
            self._check(self._pool)
        return await super().on_tick(counter)

    def _check(self, pool: WorkerPool) -> None:
        try:
            pool.replace_dead()
        except StartError as error:
            pool.pass_signal(signal.SIGTERM)
            self.end_with(error)


def serve(settings: PredictorSettings) -> int:
    """Serve until a signal or a model that cannot be served; return the process's exit code."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # a third of all series, and nobody asks when a counter was made
    heap.keep_some()
    place = os.environ.get(REPLACES)
    if place is not None:
        return replace_worker(place, settings, run_server)
    metrics = PredictorMetrics(CollectorRegistry(), workers=settings.workers)
    if settings.workers == 1:
        return run_server(settings, metrics)
    return serve_with_workers(settings, metrics, run_server)


def run_server(settings: PredictorSettings, metrics: PredictorMetrics, inherited: InheritedState | None = None) -> int:
    """Serve in this process, alone or beside others; return its exit code."""
    add_process_series(metrics.registry, metrics.processes)
    pool = inherited.pool if inherited else None
    lifecycle = Lifecycle()
    app = LazyApp(
        settings,
        metrics=metrics,
        lifecycle=lifecycle,
        on_fatal=lambda error: server.end_with(error),  # noqa: PLW0108 - the server is made from the application
        loaded=inherited.loaded if inherited else None,
    )
    server = PredictorServer(_config(app, settings), lifecycle, settings.drain_seconds, metrics=metrics, pool=pool)
    server.run(sockets=[inherited.listener] if inherited else None)
    if pool:
        pool.pass_signal(signal.SIGTERM)  # however this one came to its end
        pool.wait(settings.request_timeout_seconds + 1)
    if server.fatal is None:
        return 0
    report_failure(server.fatal, settings.termination_log)
    return _FAILED


def _config(app: LazyApp, settings: PredictorSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        backlog=BACKLOG,
        loop="uvloop",
        http=functools.partial(HttpConnection, app=app, dispatcher=app.dispatcher),  # type: ignore[arg-type]  # what makes one
        proxy_headers=False,  # nobody here asks for the caller's address
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(settings.request_timeout_seconds) + 1,
    )
