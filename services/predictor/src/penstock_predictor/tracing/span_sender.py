"""The thread that makes spans and sends them: about once a second, for as long as there are some."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.settings import PredictorSettings
from penstock_predictor.tracing.trace import Tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from penstock_predictor.tracing.spans import Spans


def is_on(environment: Mapping[str, str]) -> bool:
    """Whether traces are to be exported.

    They must be asked for: an endpoint alone, which may stand in every pod of a cluster, says nothing about us.
    """
    exporters = environment.get("OTEL_TRACES_EXPORTER", "").split(",")
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return "otlp" in (name.strip() for name in exporters) and not disabled


LOOK_SECONDS: Final = 1.0
FLUSH_SECONDS: Final = 2.0
"""How long the end of the process waits for the last spans."""
_MOST_SPANS: Final = 128
"""Of one batch: the event loop shares the interpreter with whoever makes it."""
_LOUD_SECONDS: Final = 60.0
"""How often one more failure is worth a line of the log."""
_EXPORTER: Final = "opentelemetry.exporter"
"""Its logger."""

_log = logging.getLogger(__name__)


class SpanSender:
    """One process's. While the collector is away or slow, requests wait in a bounded queue, and then are not traced."""

    def __init__(self, settings: PredictorSettings, metrics: PredictorMetrics) -> None:
        self.tracer = Tracer(metrics.count_unqueued_spans)
        """What the event loop tells of requests."""
        self._settings = settings
        self._metrics = metrics
        self._closing = threading.Event()
        self._end = float("inf")
        self._thread = threading.Thread(target=self._run, name="traces", daemon=True)

    def start(self) -> None:
        """Begin to send. A process that is still to fork must not."""
        self._thread.start()

    def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """Send what is there, for so long at most; blocks."""
        self._end = time.monotonic() + seconds
        self._closing.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            from penstock_predictor.tracing.spans import Spans  # noqa: PLC0415 - it takes a quarter of a second, and 20 MiB

            _hush()
            spans = Spans(self._settings)
            while not self._closing.wait(LOOK_SECONDS):
                self._send_all(spans)
            self._send_all(spans)
            spans.close()
        except Exception:  # noqa: BLE001 - the thread's outermost frame: nothing else would ever report it
            _log.exception("tracing ended in a way nobody foresaw: further spans are dropped")

    def _send_all(self, spans: "Spans") -> None:
        while time.monotonic() < self._end and (batch := self._batch(spans)):
            if spans.send(batch):
                self._metrics.count_sent_spans(len(batch))
            else:
                self._metrics.count_lost_spans(len(batch))

    def _batch(self, spans: "Spans") -> "list[ReadableSpan]":
        batch: list[ReadableSpan] = []
        ended = self.tracer.ended
        while ended and len(batch) < _MOST_SPANS:
            batch += spans.make(ended.popleft())
        return batch


def _hush() -> None:
    """Let one line a minute through of what the exporter says about a collector that is away."""
    handlers = logging.getLogger().handlers
    quiet = _NowAndThen()
    for handler in handlers:
        handler.addFilter(quiet)


class _NowAndThen(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self._said_at = -_LOUD_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_EXPORTER):
            return True
        now = time.monotonic()
        if now - self._said_at < _LOUD_SECONDS:
            return False
        self._said_at = now
        return True
