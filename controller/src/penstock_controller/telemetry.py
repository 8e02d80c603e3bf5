"""The controller's own metrics."""

from prometheus_client import CollectorRegistry, Counter, Histogram

from penstock_contracts import metric_names
from penstock_controller.ports import Key
from penstock_controller.rollout.actions import Announcement


def _counter(metric: metric_names.Metric, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name.removesuffix("_total"), metric.meaning, metric.labels, registry=registry)


class Telemetry:
    """Counts passes, attempts and registry errors."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._passes = _counter(metric_names.CONTROLLER_PASSES, registry)
        self._attempts = _counter(metric_names.CONTROLLER_ATTEMPTS, registry)
        self._registry_errors = _counter(metric_names.CONTROLLER_REGISTRY_ERRORS, registry)
        self._registry_writes = _counter(metric_names.CONTROLLER_REGISTRY_WRITES, registry)
        seconds = metric_names.CONTROLLER_PASS_SECONDS
        self.pass_seconds = Histogram(seconds.name, seconds.meaning, registry=registry)

    def passed(self, *, written: bool) -> None:
        """A pass came to its end."""
        self._passes.labels("written" if written else "unchanged").inc()

    def broken_off(self, outcome: str) -> None:
        """A pass did not: conflict or error."""
        self._passes.labels(outcome).inc()

    def announced(self, key: Key, announcement: Announcement) -> None:
        """Users were told of a transition; those that end an attempt are counted."""
        if announcement.completion:
            self._attempts.labels(key.namespace, key.name, announcement.completion, announcement.reason).inc()

    def registry_failed(self, connection: str) -> None:
        """A registry call failed."""
        self._registry_errors.labels(connection).inc()

    def registry_written(self, outcome: str) -> None:
        """A try to write an outcome or the live alias: written, away, refused or impossible."""
        self._registry_writes.labels(outcome).inc()
