"""What all transports share: the model, when there is one, and the way of a call through it."""

from typing import TYPE_CHECKING

from penstock_predictor.deadline import Deadline
from penstock_predictor.errors import NotReady, Overloaded, RequestError, StartError, UnknownModel
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.metrics import Gauge, Metrics
from penstock_predictor.model.inference import Feeds, Model
from penstock_predictor.model.loading import Loaded
from penstock_predictor.serving.admission import Admission
from penstock_predictor.serving.aside import Aside
from penstock_predictor.serving.batcher import Batcher, BatchLimits, Recorder
from penstock_predictor.serving.call import NOBODY, AwaitedCall, Call, Origin
from penstock_predictor.settings import Settings
from penstock_predictor.tensors.datatypes import Array
from penstock_predictor.tracing.trace import Trace

if TYPE_CHECKING:
    from penstock_predictor.tracing.tracer import Tracer


class Serving:
    """A loaded model with what computes it."""

    def __init__(self, loaded: Loaded, batcher: Batcher, aside: Aside) -> None:
        self.model: Model = loaded.model
        self.example = loaded.example
        """The answer of `GET /example`."""
        self.batcher = batcher
        self.aside = aside


class Runtime:
    """One process's state. Changed on the event loop only."""

    def __init__(self, settings: Settings, lifecycle: Lifecycle, metrics: Metrics) -> None:
        self.settings = settings
        self.lifecycle = lifecycle
        self.metrics = metrics
        self.admission = Admission(max_requests=settings.max_in_flight, max_bytes=settings.max_in_flight_bytes)
        self.recorder: Recorder | None = None
        """Told of runs, where what is computed is recorded."""
        self.tracer: Tracer | None = None
        """Told of requests, where they are traced; from before the first one on."""
        self._serving: Serving | None = None

    @property
    def model(self) -> Model | None:
        """The model that answers, once there is one."""
        return self._serving.model if self._serving else None

    def became_ready(self, loaded: Loaded, recorder: Recorder | None = None) -> None:
        """Serve this model from now on."""
        self.recorder = recorder
        self._serving = Serving(loaded, self._batcher(loaded), Aside(self.settings.max_in_flight))
        self.metrics.name_model(loaded.model.identity, self._gauges)
        self.lifecycle.loaded()

    def failed(self, error: StartError) -> None:
        """Never serve."""
        self.lifecycle.failed(str(error))

    def close(self) -> None:
        """Drop what has not begun."""
        if self._serving:
            self._serving.batcher.close()
            self._serving.aside.close()

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

    def grow(self, size: int) -> None:
        """Accept more bytes of a request. Raises Overloaded."""
        try:
            self.admission.grow(size)
        except Overloaded as error:
            self.metrics.rejected(error)
            raise

    def submit(self, call: Call) -> None:
        """Queue the call of a request that was accepted. Raises Overloaded, NotReady; its place is then still taken."""
        try:
            self.serving().batcher.submit(call)
        except Overloaded as error:
            self.metrics.rejected(error)
            raise

    async def infer(
        self,
        feeds: Feeds,
        outputs: tuple[str, ...] | None,
        *,
        deadline: Deadline,
        origin: Origin = NOBODY,
        trace: Trace | None = None,
    ) -> dict[str, Array]:
        """Check and compute the named outputs, all by default, in the order asked for. Raises a RequestError."""
        names = self.serving().model.check(feeds, outputs)
        size = sum(array.nbytes for array in feeds.values())
        self.enter(size)
        call = AwaitedCall(feeds, names, deadline, size, origin=origin, trace=trace)
        try:
            self.submit(call)
        except RequestError:
            self.admission.leave(size)
            raise
        return dict(zip(names, await call.outcome(), strict=True))

    def _batcher(self, loaded: Loaded) -> Batcher:
        settings = self.settings
        limits = BatchLimits(
            max_rows=loaded.rows_a_run,
            max_latency=settings.max_latency_seconds,
            threads=settings.threads,
            steady=loaded.batching.possible and all(-1 not in spec.shape[1:] for spec in loaded.model.inputs),
        )
        return Batcher(
            loaded.model,
            limits,
            pace=loaded.pace,
            observer=self.metrics,
            release=self.admission.leave,
            recorder=self.recorder,
            traced=self.tracer is not None,
        )

    def _gauges(self) -> dict[Gauge, float]:
        waiting = self._serving.batcher.waiting if self._serving else 0
        return {"in_flight": self.admission.requests, "waiting": waiting, "ready": float(self.lifecycle.ready)}
