"""The thread that sends records: about a batch a second, each until the monitor has it or refuses it."""

import logging
import random
import threading
import time
from typing import TYPE_CHECKING, Final

from penstock_predictor.backoff import delays
from penstock_predictor.metrics import PredictorMetrics
from penstock_predictor.records.batches import Batch, Gathering
from penstock_predictor.records.run_queue import RunQueue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from penstock_predictor.records.monitor import MonitorClient
    from penstock_predictor.records.run_queue import RanCalls

BATCH_SECONDS: Final = 1.0
BATCH_BYTES: Final = 1024 * 1024
LOOK_SECONDS: Final = 0.1
"""How often the queue is looked at: to wake the thread for each run would cost the event loop more than the run."""
BURST_SECONDS: Final = 0.001
"""How long the event loop may have to wait for the interpreter. To hand it over for each run costs more than that."""
FLUSH_SECONDS: Final = 2.0
"""How long the end of the process waits for the last batches."""
_LOUD_SECONDS: Final = 60.0
"""How often one more refusal is worth a line of the log."""

_log = logging.getLogger(__name__)


class Sender:
    """One process's. While the monitor is away one batch is tried again and again, and runs wait in the queue."""

    def __init__(
        self,
        queue: RunQueue,
        gathering: Gathering,
        connect: "Callable[[], MonitorClient]",
        metrics: PredictorMetrics,
        *,
        draw: random.Random | None = None,
    ) -> None:
        """`connect` is called in the thread: it loads the HTTP client."""
        self._queue = queue
        self._gathering = gathering
        self._connect = connect
        self._metrics = metrics
        self._draw = draw or random.Random()
        self._closing = threading.Event()
        self._end = float("inf")
        self._dropped_by_queue = 0
        self._given_up = 0
        self._sending = 0
        self._refused_at = -_LOUD_SECONDS
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)

    @property
    def dropped(self) -> int:
        """Rows that were sampled and are lost, since this process began."""
        return self._dropped_by_queue + self._given_up

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def count_unqueued(self, rows: int) -> None:
        """Count rows that the queue had no room for. Called on the event loop, and by nobody else."""
        self._dropped_by_queue += rows
        self._metrics.count_unqueued_records(rows)

    def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """Send what is there, for so long at most. What is not acknowledged then is lost, and the log says so."""
        self._end = time.monotonic() + seconds
        self._closing.set()
        self._thread.join(seconds)
        lost = self._queue.rows + self._gathering.rows + self._sending
        if lost:
            _log.warning("the process ends before the drift monitor took all records", extra={"rows": lost})

    def _run(self) -> None:
        try:
            monitor = self._connect()
            while not self._closing.wait(LOOK_SECONDS):
                self._gather_until_due()
                self._send_all(monitor)
            while self._queue.rows and time.monotonic() < self._end:
                self._gather()
                self._send_all(monitor)
            monitor.close()
        except Exception:  # noqa: BLE001 - the thread's outermost frame: nothing else would ever report it
            _log.exception("recording ended in a way nobody foresaw: further records are dropped")

    def _gather_until_due(self) -> None:
        """Return when a batch is large enough or old enough."""
        due = time.monotonic() + BATCH_SECONDS
        self._gather()
        while self._gathering.size < BATCH_BYTES and time.monotonic() < due and not self._closing.wait(LOOK_SECONDS):
            self._gather()

    def _gather(self) -> None:
        busy_since = time.perf_counter()
        while several := self._queue.take():
            try:
                self._gathering.add(several)
            except Exception:  # noqa: BLE001 - one run's fault must not cost those beside it
                self._gather_each(several)
            if self._gathering.size >= BATCH_BYTES:
                return
            if time.perf_counter() - busy_since > BURST_SECONDS:
                time.sleep(BURST_SECONDS)
                busy_since = time.perf_counter()

    def _gather_each(self, several: "Sequence[RanCalls]") -> None:
        for ran in several:
            try:
                self._gathering.add([ran])
            except Exception:  # noqa: BLE001 - one run's fault must not end all recording
                self._lose(ran.rows)
                _log.exception("a run could not be recorded")

    def _send_all(self, monitor: "MonitorClient") -> None:
        while (batch := self._gathering.pop(self.dropped)) is not None:
            self._sending = batch.rows
            self._deliver(batch, monitor)
            self._sending = 0

    def _deliver(self, batch: Batch, monitor: "MonitorClient") -> None:
        """Send a batch until it is acknowledged, refused, or this process ends."""
        from penstock_predictor.records.monitor import Reception  # noqa: PLC0415 - `connect` has loaded it

        for attempt, delay in enumerate(delays(self._draw), start=1):
            reception, why = monitor.send(batch.body)
            if reception is Reception.ACKNOWLEDGED:
                self._metrics.count_sent_records(batch.rows)
                if attempt > 1:
                    _log.info("the drift monitor takes records again", extra={"tries": attempt})
                return
            if reception is Reception.REFUSED:
                self._give_up(batch, why)
                return
            if attempt == 1:
                _log.warning("the drift monitor does not take records: they wait", extra={"detail": why})
            if self._pause(delay):
                self._give_up(batch, why)
                return

    def _pause(self, seconds: float) -> bool:
        """Wait before the next try; answer whether there is no time for one."""
        self._closing.wait(seconds)
        if not self._closing.is_set():
            return False
        left = self._end - time.monotonic()
        if left > 0:
            time.sleep(min(seconds, left))
        return self._end <= time.monotonic()

    def _give_up(self, batch: Batch, why: str) -> None:
        self._lose(batch.rows)
        now = time.monotonic()
        if now - self._refused_at >= _LOUD_SECONDS:
            self._refused_at = now
            _log.warning("records are given up", extra={"rows": batch.rows, "number": batch.number, "detail": why})

    def _lose(self, rows: int) -> None:
        self._given_up += rows
        self._metrics.count_lost_records(rows)
