"""Series of what goes beyond this machine."""

import time
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge

from penstock_contracts.metric_names import (
    MONITOR_SINK_FAILURES,
    MONITOR_SINK_LAG,
    MONITOR_SINK_ROWS,
    MONITOR_SINK_WAITING,
)
from penstock_drift_monitor.sinks.sink import SendResult


class SinkTelemetry:
    """Counts by sink."""

    def __init__(self, metrics: CollectorRegistry) -> None:
        self._rows = Counter(
            MONITOR_SINK_ROWS.name, MONITOR_SINK_ROWS.meaning, MONITOR_SINK_ROWS.labels, registry=metrics
        )
        self._failures = Counter(
            MONITOR_SINK_FAILURES.name, MONITOR_SINK_FAILURES.meaning, MONITOR_SINK_FAILURES.labels, registry=metrics
        )
        self._lag = Gauge(MONITOR_SINK_LAG.name, MONITOR_SINK_LAG.meaning, MONITOR_SINK_LAG.labels, registry=metrics)
        self._waiting = Gauge(
            MONITOR_SINK_WAITING.name, MONITOR_SINK_WAITING.meaning, MONITOR_SINK_WAITING.labels, registry=metrics
        )
        self._oldest: dict[str, float | None] = {}

    def begin(self, sink: str) -> None:
        """Let its series start at 0."""
        for outcome in ("sent", "refused", "evicted"):
            self._rows.labels(sink=sink, outcome=outcome)
        self._failures.labels(sink=sink)
        # Computed when it is asked for, so that it also grows while a try hangs.
        self._lag.labels(sink=sink).set_function(partial(self._seconds_behind, sink))

    def sent(self, sink: str, sent: SendResult) -> None:
        """Count rows that are done with."""
        self._rows.labels(sink=sink, outcome="sent").inc(sent.rows)
        self._rows.labels(sink=sink, outcome="refused").inc(sent.refused)

    def evicted(self, sink: str, rows: int) -> None:
        """Count rows that went before they were sent."""
        self._rows.labels(sink=sink, outcome="evicted").inc(rows)

    def failed(self, sink: str) -> None:
        """Count a try that failed."""
        self._failures.labels(sink=sink).inc()

    def waits(self, sink: str, rows: int, oldest: float | None) -> None:
        """State what waits. `oldest`: Unix seconds when the oldest came; None: nothing waits."""
        self._waiting.labels(sink=sink).set(rows)
        self._oldest[sink] = oldest

    def _seconds_behind(self, sink: str) -> float:
        oldest = self._oldest.get(sink)
        return 0.0 if oldest is None else max(0.0, time.time() - oldest)
