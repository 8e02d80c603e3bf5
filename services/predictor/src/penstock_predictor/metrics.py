"""The predictor's series. Their labels name what was loaded, never what was asked for.

Counting costs a fraction of a microsecond a request: numbers in shared memory, from which the series are made when
somebody asks. So several workers have one count, whichever of them answers.
"""

import mmap
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from penstock_contracts import metric_names
from penstock_contracts.metric_names import Metric
from penstock_predictor.errors import Overloaded
from penstock_predictor.identity import ModelIdentity

_BYTES = 8
"""Of a double."""


class SharedCounters:
    """Numbers that several processes write and any of them can add up, in shared memory.

    Each worker writes its own part alone, so nothing is locked and nothing is lost.
    """

    def __init__(self, size: int, workers: int, fd: int | None = None) -> None:
        """`fd`: the memory of counters of the same size that another process made; None: make it."""
        self.fd = os.memfd_create("penstock-counters") if fd is None else fd
        """A fork finds it open; another program must be given it."""
        self._size = size
        self._workers = workers
        length = size * workers * _BYTES
        os.ftruncate(self.fd, length)
        self._all = memoryview(mmap.mmap(self.fd, length)).cast("d")

    def part(self, worker: int) -> "memoryview[float]":
        """The numbers of one worker; a worker that takes another's place goes on where that one stopped."""
        return self._all[worker * self._size : (worker + 1) * self._size]

    def parts(self) -> "list[memoryview[float]]":
        """The numbers of each worker."""
        return [self.part(worker) for worker in range(self._workers)]

    def totals(self) -> Sequence[float]:
        """Each number over all workers."""
        parts = [part.tolist() for part in self.parts()]
        return parts[0] if len(parts) == 1 else [sum(column) for column in zip(*parts, strict=True)]


SECONDS = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    float("inf"),
)
"""Upper bounds of buckets: from a small tree's run to the default time limit."""
ROWS = (*(1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0), float("inf"))
INFER, INFER_VERSION, PREDICT = "/v2/models/{name}/infer", "/v2/models/{name}/versions/{version}/infer", "/predict"
UNMATCHED = "unmatched"
"""Paths that are no route are callers' words: as a label they would grow without bound."""
ROUTES = (
    INFER,
    INFER_VERSION,
    PREDICT,
    "grpc:ModelInfer",
    "grpc:ModelMetadata",
    "grpc:ModelReady",
    "grpc:ServerLive",
    "grpc:ServerMetadata",
    "grpc:ServerReady",
    "/",
    "/example",
    "/health",
    "/metrics",
    "/openapi.json",
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models/{name}",
    "/v2/models/{name}/ready",
    "/v2/models/{name}/versions/{version}",
    "/v2/models/{name}/versions/{version}/ready",
    UNMATCHED,
)
CODES = (200, 204, 400, 404, 405, 408, 413, 415, 422, 429, 431, 499, 500, 503, 504, 0)
"""HTTP status codes that are answered; 0 stands for any other."""

_F = TypeVar("_F", CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily)
Gauge = Literal["in_flight", "waiting", "ready"]
_GAUGES: dict[Gauge, Metric] = {
    "in_flight": metric_names.PREDICTOR_IN_FLIGHT,
    "waiting": metric_names.PREDICTOR_WAITING,
    "ready": metric_names.PREDICTOR_READY,
}
_NOTHING_LOADED = ("", "", "")

_ROUTE = len(CODES) + len(SECONDS) + 1
"""Numbers of one route: a count for each code, then its histogram of seconds, which is a bucket each and their sum."""
_RUNS = len(ROUTES) * _ROUTE
_BATCHES = _RUNS + len(SECONDS) + 1
_REJECTED = _BATCHES + len(ROWS) + 1
_GAUGE = _REJECTED + len(Overloaded.REASONS)
_RECORDED = _GAUGE + len(_GAUGES)
"""Rows of records that were sent, that found no room in the queue, and that were given up. Each of these numbers is
written by one thread of a worker alone.
"""
_SENT, _UNQUEUED, _GIVEN_UP = _RECORDED, _RECORDED + 1, _RECORDED + 2
_TRACED = _RECORDED + 3
"""Spans that were sent, that found no room, and that were given up; written likewise."""
_SPANS_SENT, _SPANS_UNQUEUED, _SPANS_GIVEN_UP = _TRACED, _TRACED + 1, _TRACED + 2
MOST_FEATURES = 50
"""Looked-up columns that have series of their own."""
OTHER_FEATURES = "_other"
_FEATURES = (
    metric_names.PREDICTOR_FEATURES_LOOKED_UP,
    metric_names.PREDICTOR_FEATURES_DEFAULTED,
    metric_names.PREDICTOR_FEATURES_STALE,
    metric_names.PREDICTOR_FEATURES_MISSING,
)
_COUNTED_AS: Final[dict[str, tuple[int, ...]]] = {
    "found": (0,),
    "stale": (1, 2),
    "missing": (1, 3),
    "unavailable": (1,),
}
"""Where a value came from, to the places of its counters among these."""
FEATURE_CALLS = ("answered", "timeout", "connection", "status", "answer", "open")
_FEATURE = _TRACED + 3
"""For each column, the last of which stands for all others, a number for each of those counters."""
_FEATURE_CALLS = _FEATURE + (MOST_FEATURES + 1) * len(_FEATURES)
_FEATURE_CALL = _FEATURE_CALLS + len(FEATURE_CALLS)
_PROCESS = _FEATURE_CALL + len(SECONDS) + 1
"""The worker's process id."""
_SIZE = _PROCESS + 1

_CODE: Final = {code: place for place, code in enumerate(CODES)}
_OFFSET: Final = {route: place * _ROUTE for place, route in enumerate(ROUTES)}
_OTHER: Final = _CODE[0]
_UNMATCHED: Final = _OFFSET[UNMATCHED]
_CODES: Final = len(CODES)
_SUM_OF_SECONDS: Final = len(SECONDS)


class PredictorMetrics(Collector):
    """Counts what one worker does, and tells what all of them did. Until a model is loaded its labels are empty."""

    def __init__(self, registry: CollectorRegistry, *, workers: int = 1, fd: int | None = None) -> None:
        """`fd`: the memory in which the other workers count, where this one is not their fork."""
        self.registry = registry
        self._model = _NOTHING_LOADED
        self._shared = SharedCounters(_SIZE, workers, fd)
        self._own = self._shared.part(0)
        self._live: Callable[[], dict[Gauge, float]] = dict
        self._features: Sequence[str] = ()
        if fd is None:
            self._own[_PROCESS] = os.getpid()
        registry.register(self)

    @property
    def fd(self) -> int:
        """Of the memory that a worker which is no fork must be given."""
        return self._shared.fd

    def become_worker(self, worker: int) -> None:
        """From now on count for this worker, from where another under its number stopped; nothing of that one is in
        flight any more.
        """
        self._own = self._shared.part(worker)
        self._own[_PROCESS] = os.getpid()
        self.write_gauges()

    def processes(self) -> list[int]:
        """The process id of each worker, by its number; 0: not begun."""
        return [int(part[_PROCESS]) for part in self._shared.parts()]

    def name_model(self, identity: ModelIdentity, live: Callable[[], dict[Gauge, float]]) -> None:
        """From now on every series carries this name, version and digest; `live` answers this worker's gauges."""
        self._model = (identity.name, identity.version, identity.digest)
        self._live = live

    def count_answer(self, *, route: str, code: int, seconds: float) -> None:
        """Count an answer that was sent."""
        own, offset = self._own, _OFFSET.get(route, _UNMATCHED)
        own[offset + _CODE.get(code, _OTHER)] += 1
        offset += _CODES
        own[offset + bisect_left(SECONDS, seconds)] += 1
        own[offset + _SUM_OF_SECONDS] += seconds

    def count_run(self, rows: int, seconds: float) -> None:
        """Count a run of onnxruntime."""
        _observe(self._own, _RUNS, SECONDS, seconds)
        _observe(self._own, _BATCHES, ROWS, rows)

    def count_rejection(self, error: Overloaded) -> None:
        """Count a request for which there was no room."""
        self._own[_REJECTED + Overloaded.REASONS.index(error.reason)] += 1

    def count_sent_records(self, rows: int) -> None:
        """Count rows that the drift monitor has acknowledged. Called by the thread that sends."""
        self._own[_SENT] += rows

    def count_lost_records(self, rows: int) -> None:
        """Count rows that were gathered and are lost. Called by the thread that sends."""
        self._own[_GIVEN_UP] += rows

    def count_unqueued_records(self, rows: int) -> None:
        """Count rows that found no room. Called on the event loop."""
        self._own[_UNQUEUED] += rows

    def count_sent_spans(self, number: int) -> None:
        """Count spans that the collector has taken. Called by the thread that sends."""
        self._own[_SPANS_SENT] += number

    def count_lost_spans(self, number: int) -> None:
        """Count spans that it did not take. Called by the thread that sends."""
        self._own[_SPANS_GIVEN_UP] += number

    def count_unqueued_spans(self, number: int) -> None:
        """Count spans that found no room. Called on the event loop."""
        self._own[_SPANS_UNQUEUED] += number

    def name_features(self, columns: Sequence[str]) -> None:
        """From now on there are series of looked-up columns."""
        others = [OTHER_FEATURES] if len(columns) > MOST_FEATURES else []
        self._features = [*columns[:MOST_FEATURES], *others]

    def count_feature(self, column: int, source: str) -> None:
        """Count a value of a looked-up column, by its place: found, stale, missing or unavailable."""
        offset = _FEATURE + min(column, MOST_FEATURES) * len(_FEATURES)
        for place in _COUNTED_AS[source]:
            self._own[offset + place] += 1

    def count_feature_call(self, outcome: str, seconds: float) -> None:
        """Count a call of the feature store: one of FEATURE_CALLS."""
        self._own[_FEATURE_CALLS + FEATURE_CALLS.index(outcome)] += 1
        _observe(self._own, _FEATURE_CALL, SECONDS, seconds)

    def write_gauges(self) -> None:
        """Write this worker's gauges where the others find them: now and then, and before they are told."""
        for place, value in enumerate(self._live().get(gauge, 0) for gauge in _GAUGES):
            self._own[_GAUGE + place] = value

    def describe(self) -> Iterable[Family]:
        """Nothing in advance: the registry need not collect to know the names."""
        return ()

    def collect(self) -> Iterator[Family]:
        """The series of all workers together."""
        self.write_gauges()
        totals = self._shared.totals()
        yield self._requests(totals)
        latency = _family(HistogramMetricFamily, metric_names.PREDICTOR_LATENCY)
        for route in ROUTES:
            _add(latency, (*self._model, route), totals, _OFFSET[route] + len(CODES), SECONDS)
        yield latency
        for metric, offset, bounds in (
            (metric_names.PREDICTOR_INFERENCE, _RUNS, SECONDS),
            (metric_names.PREDICTOR_BATCH, _BATCHES, ROWS),
        ):
            family = _family(HistogramMetricFamily, metric)
            _add(family, self._model, totals, offset, bounds)
            yield family
        yield self._rejections(totals)
        yield self._total(metric_names.PREDICTOR_RECORDS_SENT, totals[_SENT])
        yield self._total(metric_names.PREDICTOR_RECORDS_DROPPED, totals[_UNQUEUED] + totals[_GIVEN_UP])
        yield self._total(metric_names.PREDICTOR_SPANS_SENT, totals[_SPANS_SENT])
        yield self._total(metric_names.PREDICTOR_SPANS_DROPPED, totals[_SPANS_UNQUEUED] + totals[_SPANS_GIVEN_UP])
        if self._features:
            yield from self._looked_up(totals)
        for place, metric in enumerate(_GAUGES.values()):
            gauge = _family(GaugeMetricFamily, metric)
            numbers = (
                self._own if metric is metric_names.PREDICTOR_READY else totals
            )  # whoever is asked is ready, or not
            gauge.add_metric(self._model, numbers[_GAUGE + place])
            yield gauge

    def _requests(self, totals: Sequence[float]) -> CounterMetricFamily:
        family = _family(CounterMetricFamily, metric_names.PREDICTOR_REQUESTS)
        for route in ROUTES:
            for code, place in _CODE.items():
                count = totals[_OFFSET[route] + place]
                if count:
                    family.add_metric((*self._model, route, str(code or "other")), count)
        return family

    def _looked_up(self, totals: Sequence[float]) -> Iterator[Family]:
        for kind, metric in enumerate(_FEATURES):
            family = _family(CounterMetricFamily, metric)
            for column, name in enumerate(self._features):
                family.add_metric((*self._model, name), totals[_FEATURE + column * len(_FEATURES) + kind])
            yield family
        calls = _family(CounterMetricFamily, metric_names.PREDICTOR_FEATURE_CALLS)
        for place, outcome in enumerate(FEATURE_CALLS):
            calls.add_metric((*self._model, outcome), totals[_FEATURE_CALLS + place])
        yield calls
        seconds = _family(HistogramMetricFamily, metric_names.PREDICTOR_FEATURE_CALL)
        _add(seconds, self._model, totals, _FEATURE_CALL, SECONDS)
        yield seconds

    def _total(self, metric: Metric, number: float) -> CounterMetricFamily:
        family = _family(CounterMetricFamily, metric)
        family.add_metric(self._model, number)
        return family

    def _rejections(self, totals: Sequence[float]) -> CounterMetricFamily:
        family = _family(CounterMetricFamily, metric_names.PREDICTOR_REJECTED)
        for place, reason in enumerate(Overloaded.REASONS):
            family.add_metric((*self._model, reason), totals[_REJECTED + place])
        return family


def _observe(numbers: "memoryview[float]", offset: int, bounds: Sequence[float], value: float) -> None:
    numbers[offset + bisect_left(bounds, value)] += 1
    numbers[offset + len(bounds)] += value


def _add(
    family: HistogramMetricFamily, labels: Sequence[str], totals: Sequence[float], offset: int, bounds: Sequence[float]
) -> None:
    count, buckets = 0.0, []
    for place, bound in enumerate(bounds):
        count += totals[offset + place]
        buckets.append(("+Inf" if bound == bounds[-1] else str(bound), count))
    if count:
        family.add_metric(labels, buckets, totals[offset + len(bounds)])


def _family(kind: type[_F], metric: Metric) -> _F:
    return kind(metric.name, metric.meaning, labels=metric.labels)
