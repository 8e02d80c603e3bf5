"""The predictor's series. Their labels name what was loaded, never what was asked for."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from penstock_contracts import metric_names
from penstock_predictor.identity import ModelIdentity

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds: from a small tree's run to the default time limit."""
_NOTHING_LOADED = ("", "", "")


class Metrics:
    """Counts answers and seconds. Until a model is loaded its labels are empty: nothing was loaded."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._model: tuple[str, str, str] = _NOTHING_LOADED
        self._requests = _counter(metric_names.PREDICTOR_REQUESTS, registry)
        self._latency = _histogram(metric_names.PREDICTOR_LATENCY, registry)
        self._inference = _histogram(metric_names.PREDICTOR_INFERENCE, registry)
        self._in_flight = _gauge(metric_names.PREDICTOR_IN_FLIGHT, registry)
        self._ready = _gauge(metric_names.PREDICTOR_READY, registry)

    def name_model(self, identity: ModelIdentity, *, ready: Callable[[], bool], in_flight: Callable[[], int]) -> None:
        """From now on every series carries this name, version and digest."""
        self._model = (identity.name, identity.version, identity.digest)
        self._inference.clear()  # the warm-up's runs answered nobody
        self._ready.labels(*self._model).set_function(ready)
        self._in_flight.labels(*self._model).set_function(in_flight)

    def answered(self, *, route: str, code: int, seconds: float) -> None:
        """Count an answer that was sent."""
        self._requests.labels(*self._model, route, str(code)).inc()
        self._latency.labels(*self._model, route).observe(seconds)

    def inferred(self, seconds: float) -> None:
        """Count a run of onnxruntime."""
        self._inference.labels(*self._model).observe(seconds)


def _counter(metric: metric_names.Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.meaning, metric.labels, registry=registry)


def _gauge(metric: metric_names.Metric, registry: CollectorRegistry) -> Gauge:
    return Gauge(metric.name, metric.meaning, metric.labels, registry=registry)


def _histogram(metric: metric_names.Metric, registry: CollectorRegistry) -> Histogram:
    return Histogram(metric.name, metric.meaning, metric.labels, registry=registry, buckets=_BUCKETS)
