"""What all transports share: the model, when there is one, and the way a request goes through it."""

import time
from typing import Protocol

from penstock_predictor.admission import Admission
from penstock_predictor.aside import Aside
from penstock_predictor.batcher import Batcher, BatchLimits
from penstock_predictor.call import AwaitedCall, Call
from penstock_predictor.datatypes import Array
from penstock_predictor.deadline import Deadline
from penstock_predictor.errors import NotReady, Overloaded, RequestError, StartError, UnknownModel
from penstock_predictor.exchange import Exchange
from penstock_predictor.heads import Heads
from penstock_predictor.http_call import HttpCall
from penstock_predictor.infer_route import InferRoute
from penstock_predictor.inference import Feeds, Model
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.loading import Loaded
from penstock_predictor.metrics import INFER, INFER_VERSION, PREDICT, Gauge, Metrics
from penstock_predictor.predict_route import PredictRoute
from penstock_predictor.reply import refusal
from penstock_predictor.settings import Settings

_SOON_READ = 262144
"""Bytes of a JSON body that are read in about a millisecond; a larger one is read aside."""


class Route(Protocol):
    """A way to ask the model over HTTP."""

    def read(self, exchange: Exchange) -> HttpCall:
        """Turn a request into a call that fits the model. Raises a RequestError."""


class Serving:
    """A loaded model with what asks it."""

    def __init__(self, loaded: Loaded, settings: Settings, metrics: Metrics, admission: Admission) -> None:
        self.model: Model = loaded.model
        self.loaded = loaded
        self.aside = Aside(settings.max_in_flight)
        limits = BatchLimits(
            max_rows=settings.max_batch_size if loaded.batching.possible else 1,
            max_latency=settings.max_latency_seconds,
            threads=settings.threads,
            steady=loaded.batching.possible and all(-1 not in spec.shape[1:] for spec in self.model.inputs),
        )

        def release(call: Call) -> None:
            admission.leave(call.size)

        self.batcher = Batcher(loaded.model, limits, pace=loaded.pace, observer=metrics, release=release)
        self.infer = InferRoute(loaded.model, self.aside)
        self.predict = PredictRoute(loaded.model, self.aside)

    def close(self) -> None:
        """Drop what has not begun."""
        self.batcher.close()
        self.aside.close()


class Runtime:
    """One process's state. Changed on the event loop only."""

    def __init__(self, settings: Settings, lifecycle: Lifecycle, metrics: Metrics) -> None:
        self.settings = settings
        self.lifecycle = lifecycle
        self.metrics = metrics
        self.admission = Admission(max_requests=settings.max_in_flight, max_bytes=settings.max_in_flight_bytes)
        self.hot: dict[bytes, tuple[str, Route]] = {}
        """Path to label and reader of the routes that need no application; empty until a model is there."""
        self.heads = Heads("")
        """Writes replies on the hot way."""
        self._serving: Serving | None = None

    @property
    def model(self) -> Model | None:
        """The model that answers, once there is one."""
        return self._serving.model if self._serving else None

    def became_ready(self, loaded: Loaded) -> None:
        """Serve this model from now on."""
        serving = Serving(loaded, self.settings, self.metrics, self.admission)
        self._serving = serving
        self.heads = Heads(loaded.model.identity.digest)
        self.metrics.name_model(loaded.model.identity, self._gauges)
        name, version = self.settings.model_name, self.settings.model_version
        self.hot = {
            f"/v2/models/{name}/infer".encode(): (INFER, serving.infer),
            f"/v2/models/{name}/versions/{version}/infer".encode(): (INFER_VERSION, serving.infer),
            b"/predict": (PREDICT, serving.predict),
        }
        self.lifecycle.loaded()

    def failed(self, error: StartError) -> None:
        """Never serve."""
        self.lifecycle.failed(str(error))

    def close(self) -> None:
        """Drop what has not begun."""
        if self._serving:
            self._serving.close()

    def check_name(self, name: str, version: str | None) -> None:
        """Raise UnknownModel unless this process is meant to serve it."""
        mine = self.settings
        if name != mine.model_name:
            raise UnknownModel(f"unknown model {name!r}: this pod serves {mine.model_name!r}")
        if version not in (None, mine.model_version):
            raise UnknownModel(
                f"unknown version {version!r} of model {name!r}: this pod serves version {mine.model_version!r}"
            )

    def serving(self) -> Serving:
        """Return the model that answers, also while draining. Raises NotReady."""
        if self._serving is None:
            raise NotReady(f"model {self.settings.model_name!r} is not ready: {self.lifecycle.state.reason}")
        return self._serving

    def enter(self, size: int) -> None:
        """Accept a request of that many bytes. Raises Overloaded."""
        try:
            self.admission.enter(size)
        except Overloaded as error:
            self.metrics.rejected(error)
            raise

    def begin(self, route: Route, exchange: Exchange) -> None:
        """Take a request that was accepted and read; its answer comes now or later."""
        if len(exchange.body) > _SOON_READ and b"inference-header-content-length" not in exchange.headers:
            self.serving().aside.run(
                lambda: route.read(exchange),
                lambda call: self._submit(call, exchange),
                lambda error: self._refuse(exchange, error),
            )
            return
        try:
            call = route.read(exchange)
        except RequestError as error:
            self._refuse(exchange, error)
        else:
            self._submit(call, exchange)

    async def infer(self, feeds: Feeds, outputs: tuple[str, ...] | None, *, deadline: Deadline) -> dict[str, Array]:
        """Check and compute the named outputs, all by default, in the order asked for. Raises a RequestError."""
        serving = self.serving()
        names = serving.model.check(feeds, outputs)
        size = sum(array.nbytes for array in feeds.values())
        self.enter(size)
        call = AwaitedCall(feeds, names, deadline, size)
        try:
            serving.batcher.submit(call)
        except Overloaded as error:
            self.admission.leave(size)
            self.metrics.rejected(error)
            raise
        return dict(zip(names, await call.outcome(), strict=True))

    def deadline(self, asked_ms: bytes | None = None, *, now: float | None = None) -> Deadline:
        """A request's time: ours, or the caller's where that is shorter. Raises BadRequest."""
        return Deadline.within(
            self.settings.request_timeout_seconds, asked_ms, now=time.monotonic() if now is None else now
        )

    def _submit(self, call: HttpCall, exchange: Exchange) -> None:
        try:
            self.serving().batcher.submit(call)
        except Overloaded as error:
            self.metrics.rejected(error)
            self._refuse(exchange, error)

    def _refuse(self, exchange: Exchange, error: RequestError) -> None:
        self.admission.leave(exchange.size)
        exchange.answer(refusal(error))

    def _gauges(self) -> dict[Gauge, float]:
        waiting = self._serving.batcher.waiting if self._serving else 0
        return {"in_flight": self.admission.requests, "waiting": waiting, "ready": float(self.lifecycle.ready)}
