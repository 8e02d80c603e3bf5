"""The agent's own series, on a registry of its own."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from penstock_contracts import metric_names
from penstock_contracts.build import build_labels
from penstock_gateway.api_server.snapshot import ModelKey
from penstock_gateway.loop.applied import AppliedSplit

_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class GatewayMetrics:
    """What `/metrics` shows."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = metric_names.BUILD_INFO
        info = Gauge(build.name, build.meaning, build.labels, registry=self.registry)
        info.labels(*build_labels("gateway")).set(1)
        number, seconds, rejected = (
            metric_names.GATEWAY_APPLIED_NUMBER,
            metric_names.GATEWAY_APPLY_SECONDS,
            metric_names.GATEWAY_REJECTED,
        )
        self._number = Gauge(number.name, number.meaning, number.labels, registry=self.registry)
        self._seconds = Histogram(seconds.name, seconds.meaning, buckets=_BUCKETS, registry=self.registry)
        self._rejected = Counter(rejected.name, rejected.meaning, registry=self.registry)

    def show_applied(self, applied: Mapping[ModelKey, AppliedSplit]) -> None:
        """Replace the applied numbers: a ModelDeployment that is gone leaves no series behind."""
        self._number.clear()
        for key, one in applied.items():
            self._number.labels(namespace=key.namespace, name=key.name).set(one.number)

    def observe_apply(self, seconds: float) -> None:
        """A change was confirmed."""
        self._seconds.observe(seconds)

    def count_rejections(self, count: int) -> None:
        """So many configurations were newly refused."""
        self._rejected.inc(count)
