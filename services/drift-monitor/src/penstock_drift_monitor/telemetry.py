"""The monitor's own series. The registry is passed in."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from penstock_contracts.build import build_labels
from penstock_contracts.drift import DriftReport
from penstock_contracts.labels import LabelOutcome
from penstock_contracts.metric_names import (
    BUILD_INFO,
    MONITOR_BATCHES,
    MONITOR_BYTES,
    MONITOR_COLUMN_DRIFTED,
    MONITOR_COLUMN_LOG_ODDS,
    MONITOR_COMMIT_FAILURES,
    MONITOR_COMMIT_SECONDS,
    MONITOR_DATASET_DRIFT,
    MONITOR_DROPPED,
    MONITOR_LABELS,
    MONITOR_LABELS_WAITING,
    MONITOR_PASSED_ON,
    MONITOR_QUALITY,
    MONITOR_REASON,
    MONITOR_REMOVED,
    MONITOR_REPLAYS,
    MONITOR_ROWS,
    MONITOR_ROWS_WITHOUT_ID,
    MONITOR_SAMPLE_FAILURES,
    MONITOR_SKEWED_FEATURES,
    MONITOR_VOLUME_BYTES,
    MONITOR_VOLUME_FREE_BYTES,
    Metric,
)
from penstock_contracts.quality import FIGURES, QualityReport
from penstock_drift_monitor.tidying import Removed

_SHOWN_COLUMNS = 50
"""Columns of a resource that have series: those with the highest odds. The report has all."""
_OUTCOMES = ("kept", "repeated", "unreadable", "refused")
_REPLAYS = ("answered", "failed", "not now", "unreached")
_REMOVALS = ("age", "size", "unmatched")
_LABELLED = tuple(name for name in LabelOutcome.model_fields if name != "examples")
_BUCKETS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)


class DriftMonitorTelemetry:
    """Counts what comes in, what is kept, and what was found."""

    def __init__(self, metrics: CollectorRegistry) -> None:
        def counter(metric: Metric) -> Counter:
            return Counter(metric.name, metric.meaning, metric.labels, registry=metrics)

        def gauge(metric: Metric) -> Gauge:
            return Gauge(metric.name, metric.meaning, metric.labels, registry=metrics)

        gauge(BUILD_INFO).labels(*build_labels("drift-monitor")).set(1)
        self._batches = counter(MONITOR_BATCHES)
        self._rows = counter(MONITOR_ROWS)
        self._unnamed = counter(MONITOR_ROWS_WITHOUT_ID)
        self._dropped = counter(MONITOR_DROPPED)
        self._labels = counter(MONITOR_LABELS)
        self._waiting = gauge(MONITOR_LABELS_WAITING)
        self._removed = counter(MONITOR_REMOVED)
        self._replays = counter(MONITOR_REPLAYS)
        self._bytes = gauge(MONITOR_BYTES)
        self._failures = counter(MONITOR_COMMIT_FAILURES)
        self._samples = counter(MONITOR_SAMPLE_FAILURES)
        self._passed_on = counter(MONITOR_PASSED_ON)
        self._commits = Histogram(
            MONITOR_COMMIT_SECONDS.name, MONITOR_COMMIT_SECONDS.meaning, buckets=_BUCKETS, registry=metrics
        )
        self._volume = gauge(MONITOR_VOLUME_BYTES)
        self._free = gauge(MONITOR_VOLUME_FREE_BYTES)
        self._dataset = gauge(MONITOR_DATASET_DRIFT)
        self._skewed = gauge(MONITOR_SKEWED_FEATURES)
        self._reason = gauge(MONITOR_REASON)
        self._reasons: dict[tuple[str, str], str] = {}
        self._begun: set[tuple[str, str]] = set()
        """Resources that have counters."""
        self._quality = gauge(MONITOR_QUALITY)
        self._qualities: dict[tuple[str, str], frozenset[tuple[str, str]]] = {}
        """Versions and figures that have series, by resource."""
        self._odds = gauge(MONITOR_COLUMN_LOG_ODDS)
        self._drifted = gauge(MONITOR_COLUMN_DRIFTED)
        self._shown: dict[tuple[str, str], frozenset[str]] = {}
        # From 0: increase() sees nothing of a series that begins at 1.
        for outcome in _OUTCOMES:
            self._batches.labels(outcome=outcome)
        for reason in _REMOVALS:
            self._removed.labels(reason=reason)
        for outcome in _REPLAYS:
            self._replays.labels(outcome=outcome)

    def batch_ended(self, outcome: str) -> None:
        """Say that a batch was kept, repeated, unreadable or refused."""
        self._batches.labels(outcome=outcome).inc()

    def rows_came(self, namespace: str, name: str, *, rows: int, unnamed: int, dropped: int) -> None:
        """Count rows of a batch, and those that its sender could not send."""
        self._begin(namespace, name)
        self._rows.labels(namespace=namespace, name=name).inc(rows)
        self._unnamed.labels(namespace=namespace, name=name).inc(unnamed)
        self._dropped.labels(namespace=namespace, name=name).inc(dropped)

    def labels_came(self, namespace: str, name: str, outcome: LabelOutcome) -> None:
        """Count labels by what became of them."""
        self._begin(namespace, name)
        for word in _LABELLED:
            self._labels.labels(namespace=namespace, name=name, outcome=word).inc(getattr(outcome, word))

    def others_are(self, replicas: Iterable[str]) -> None:
        """Have series of the other replicas, so that their first failure is an increase."""
        for replica in replicas:
            for outcome in ("answered", "away", "busy"):
                self._passed_on.labels(replica=replica, outcome=outcome)

    def passed_on(self, replica: str, outcome: str) -> None:
        """Count a request that another replica answered, did not answer, or was too busy for."""
        self._passed_on.labels(replica=replica, outcome=outcome).inc()

    def replayed(self, outcome: str) -> None:
        """Count a try of a recorded request at a candidate."""
        self._replays.labels(outcome=outcome).inc()

    def committed(self, seconds: float) -> None:
        """Count a transaction."""
        self._commits.observe(seconds)

    def commit_failed(self) -> None:
        """Count a transaction that the disk did not take."""
        self._failures.inc()

    def sample_failed(self) -> None:
        """Count a reference sample that did not come or could not be read."""
        self._samples.inc()

    def removed(self, removed: Removed) -> None:
        """Count what tidying removed."""
        for reason in _REMOVALS:
            self._removed.labels(reason=reason).inc(getattr(removed, reason))

    def holds(self, used: int, waiting: int) -> None:
        """State what is held."""
        self._bytes.set(used)
        self._waiting.set(waiting)

    def volume_is(self, size: int, free: int) -> None:
        """State the room on the volume."""
        self._volume.set(size)
        self._free.set(free)

    def found(self, report: DriftReport) -> None:
        """State a verdict."""
        key = (report.namespace, report.name)
        self._begin(*key)
        if report.dataset_drift is None:
            self._drop(self._dataset, *key)
        else:
            self._dataset.labels(*key).set(report.dataset_drift)
        if report.skew is not None:
            self._skewed.labels(*key).set(len(report.skew.skewed))
        self._tell_reason(key, report.reason.value)
        shown = sorted(report.columns, key=lambda column: column.threshold - column.score)[:_SHOWN_COLUMNS]
        for column in shown:
            self._odds.labels(*key, column.name).set(column.score)
            self._drifted.labels(*key, column.name).set(column.verdict == "Drift")
        names = frozenset(column.name for column in shown)
        for name in self._shown.get(key, frozenset()) - names:
            self._drop(self._odds, *key, name)
            self._drop(self._drifted, *key, name)
        self._shown[key] = names

    def quality_is(self, report: QualityReport) -> None:
        """State how good a resource's versions are."""
        key, told = (report.namespace, report.name), set()
        for version in report.versions:
            for figure in FIGURES:
                if (value := getattr(version, figure)) is not None:
                    self._quality.labels(*key, version.version, figure).set(value)
                    told.add((version.version, figure))
        for gone in self._qualities.get(key, frozenset()) - told:
            self._drop(self._quality, *key, *gone)
        self._qualities[key] = frozenset(told)

    def forget(self, namespace: str, name: str) -> None:
        """Drop a resource's series."""
        if (namespace, name) in self._begun:
            self._begun.remove((namespace, name))
            for counter in (self._rows, self._unnamed, self._dropped):
                counter.remove(namespace, name)
            for word in _LABELLED:
                self._labels.remove(namespace, name, word)
        for column in self._shown.pop((namespace, name), frozenset()):
            self._drop(self._odds, namespace, name, column)
            self._drop(self._drifted, namespace, name, column)
        for gone in self._qualities.pop((namespace, name), frozenset()):
            self._drop(self._quality, namespace, name, *gone)
        self._drop(self._dataset, namespace, name)
        self._drop(self._skewed, namespace, name)
        self._tell_reason((namespace, name), None)

    def _begin(self, namespace: str, name: str) -> None:
        """Have a resource's counters stand at 0 before anything is counted."""
        if (namespace, name) in self._begun:
            return
        self._begun.add((namespace, name))
        for counter in (self._rows, self._unnamed, self._dropped):
            counter.labels(namespace, name)
        for word in _LABELLED:
            self._labels.labels(namespace, name, word)

    def _tell_reason(self, key: tuple[str, str], reason: str | None) -> None:
        before = self._reasons.pop(key, None)
        if before not in (None, reason):
            self._drop(self._reason, *key, str(before))
        if reason is not None:
            self._reasons[key] = reason
            self._reason.labels(*key, reason).set(1)

    @staticmethod
    def _drop(gauge: Gauge, *labels: str) -> None:
        try:
            gauge.remove(*labels)
        except KeyError:  # it has no such series
            return
