"""What all transports share: the model, when there is one, the way of a call through it, and the bounds on that way."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from penstock_predictor.errors import NotReady, Overloaded, RequestError, StartError, UnknownModel, as_refusal
from penstock_predictor.lifecycle import Lifecycle
from penstock_predictor.metrics import Gauge, PredictorMetrics
from penstock_predictor.model.inference import Feeds, ServedModel
from penstock_predictor.model.loading import Loaded
from penstock_predictor.serving.batcher import BatchLimits, BatchRecorder, CallBatcher
from penstock_predictor.serving.call import NOBODY, AwaitedCall, Call, Deadline, Origin
from penstock_predictor.settings import PredictorSettings
from penstock_predictor.tensors.arrays import Array
from penstock_predictor.tracing.trace import Trace, Tracer


class Admission:
    """Counts what is accepted and not yet computed. Used on the event loop only, so it needs no lock."""

    __slots__ = ("_max_bytes", "_max_requests", "bytes", "requests")

    def __init__(self, *, max_requests: int, max_bytes: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self.requests = 0
        """Accepted and not yet computed."""
        self.bytes = 0
        """Of the bodies of all those."""

    def enter(self, size: int = 0) -> None:
        """Accept a request with a body of that many bytes. Raises Overloaded when there is too much."""
        if self.requests >= self._max_requests:
            raise Overloaded(
                f"{self.requests} requests are in flight, the limit of this process: try again", "requests"
            )
        if self.bytes + size > self._max_bytes:
            raise self._too_much(size)
        self.requests += 1
        self.bytes += size

    def grow(self, size: int) -> None:
        """Count more bytes of an accepted request. Raises Overloaded when all bodies together are too large."""
        if self.bytes + size > self._max_bytes:
            raise self._too_much(size)
        self.bytes += size

    def leave(self, size: int) -> None:
        """Give a request's place and its bytes back."""
        self.requests -= 1
        self.bytes -= size

    def _too_much(self, size: int) -> Overloaded:
        return Overloaded(f"bodies of {self.bytes} bytes are in flight, {size} more are too much: try again", "bytes")


_T = TypeVar("_T")


class Offload:
    """A thread for what takes long and is not the model: reading and writing the text of large bodies.

    One: more of them would only contend for the interpreter. Used on the event loop.
    """

    def __init__(self, max_waiting: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="offload")
        self._max_waiting = max_waiting
        self._waiting = 0

    def run(self, job: Callable[[], _T], then: Callable[[_T], None], otherwise: Callable[[RequestError], None]) -> None:
        """Do a job in the thread, then tell its result on the event loop, or otherwise what it raised."""
        if self._waiting >= self._max_waiting:
            otherwise(Overloaded(f"{self._waiting} large bodies wait to be read or written: try again", "bytes"))
            return
        self._waiting += 1
        future = self._loop.run_in_executor(self._pool, job)
        future.add_done_callback(functools.partial(self._report, then, otherwise))

    async def result(self, job: Callable[[], _T]) -> _T:
        """Do a job in the thread; return what it does. Raises what it raises as a RequestError, and Overloaded."""
        future: asyncio.Future[_T] = self._loop.create_future()

        def then(result: _T) -> None:
            if not future.done():  # its caller was cancelled meanwhile
                future.set_result(result)

        def otherwise(error: RequestError) -> None:
            if not future.done():
                future.set_exception(error)

        self.run(job, then, otherwise)
        return await future

    def close(self) -> None:
        """Drop what has not begun; do not wait for what has."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _report(
        self, then: Callable[[_T], None], otherwise: Callable[[RequestError], None], done: "asyncio.Future[_T]"
    ) -> None:
        self._waiting -= 1
        if done.cancelled():
            return
        error = done.exception()
        if error is None:
            then(done.result())
        else:
            otherwise(as_refusal(error))


class Serving:
    """A loaded model with what computes it."""

    def __init__(self, loaded: Loaded, batcher: CallBatcher, offload: Offload) -> None:
        self.model: ServedModel = loaded.model
        self.example = loaded.example
        """The answer of `GET /example`."""
        self.batcher = batcher
        self.offload = offload


class Runtime:
    """One process's state. Changed on the event loop only."""

    def __init__(self, settings: PredictorSettings, lifecycle: Lifecycle, metrics: PredictorMetrics) -> None:
        self.settings = settings
        self.lifecycle = lifecycle
        self.metrics = metrics
        self.admission = Admission(max_requests=settings.max_in_flight, max_bytes=settings.max_in_flight_bytes)
        self.recorder: BatchRecorder | None = None
        """Told of runs, where what is computed is recorded."""
        self.tracer: Tracer | None = None
        """Told of requests, where they are traced; from before the first one on."""
        self._serving: Serving | None = None

    @property
    def model(self) -> ServedModel | None:
        """The model that answers, once there is one."""
        return self._serving.model if self._serving else None

    def become_ready(self, loaded: Loaded, recorder: BatchRecorder | None = None) -> None:
        """Serve this model from now on."""
        self.recorder = recorder
        self._serving = Serving(loaded, self._batcher(loaded), Offload(self.settings.max_in_flight))
        self.metrics.name_model(loaded.model.identity, self._gauges)
        self.lifecycle.become_ready()

    def fail(self, error: StartError) -> None:
        """Never serve."""
        self.lifecycle.fail(str(error))

    def close(self) -> None:
        """Drop what has not begun."""
        if self._serving:
            self._serving.batcher.close()
            self._serving.offload.close()

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
            self.metrics.count_rejection(error)
            raise

    def grow(self, size: int) -> None:
        """Accept more bytes of a request. Raises Overloaded."""
        try:
            self.admission.grow(size)
        except Overloaded as error:
            self.metrics.count_rejection(error)
            raise

    def submit(self, call: Call) -> None:
        """Queue the call of a request that was accepted. Raises Overloaded, NotReady; its place is then still taken."""
        try:
            self.serving().batcher.submit(call)
        except Overloaded as error:
            self.metrics.count_rejection(error)
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

    def _batcher(self, loaded: Loaded) -> CallBatcher:
        settings = self.settings
        limits = BatchLimits(
            max_rows=loaded.rows_a_run,
            max_latency=settings.max_latency_seconds,
            threads=settings.threads,
            steady=loaded.batching.possible and all(-1 not in spec.shape[1:] for spec in loaded.model.inputs),
        )
        return CallBatcher(
            loaded.model,
            limits,
            run_times=loaded.run_times,
            observer=self.metrics,
            release=self.admission.leave,
            recorder=self.recorder,
            traced=self.tracer is not None,
        )

    def _gauges(self) -> dict[Gauge, float]:
        waiting = self._serving.batcher.waiting if self._serving else 0
        return {"in_flight": self.admission.requests, "waiting": waiting, "ready": float(self.lifecycle.ready)}
