"""Runs calls, many rows at once where the model allows it.

Batches form from load alone: every call that arrived in one turn of the event loop joins one run, and what arrives
during a run joins the next. So a lone request waits for nobody. `max_latency` above 0 makes a run wait for more rows.

A run that is expected to be short is made on the event loop itself (to hand it to a thread and back costs as much as a
small model's run); any other in a thread, so that health, metrics and short requests are answered meanwhile.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from penstock_predictor.errors import NotReady, Overloaded
from penstock_predictor.model.inference import ServedModel
from penstock_predictor.model.run_time_model import RunTimeModel
from penstock_predictor.serving.call import Call, CallOutcome
from penstock_predictor.serving.run import RunResult, compute

INLINE_SECONDS = 0.002
"""A run that is expected to take longer leaves the event loop."""
_EXPIRY_SLACK = 0.001
"""Seconds: uvloop's timers count whole milliseconds."""
_SPARE = 2
"""Times what work is expected to take that must be left before a deadline: on a busy machine it takes longer."""

_log = logging.getLogger(__name__)


class Observer(Protocol):
    """What the batcher tells to whoever counts."""

    def count_run(self, rows: int, seconds: float) -> None:
        """A run of onnxruntime ended."""


class BatchRecorder(Protocol):
    """What the batcher tells to whoever keeps what was computed."""

    def record_run(self, batch: Sequence[Call], run: RunResult) -> None:
        """A run ended, and its calls are about to be answered."""


@dataclass(frozen=True, kw_only=True)
class BatchLimits:
    """How runs are formed."""

    max_rows: int
    """Of one run; 1 where rows must not share a run. A single call may have more."""
    max_latency: float
    """Seconds that a call may wait for others; 0: none."""
    threads: int
    """Long runs at the same time."""
    steady: bool
    """Whether a run's rows alone say what it costs. Where shapes vary, or one number is a count of rounds, none of the
    runs before tells how long the next one takes: it never runs on the event loop."""


class CallBatcher:
    """The queue before the model. Used on the event loop; admission bounds its length."""

    def __init__(
        self,
        model: ServedModel,
        limits: BatchLimits,
        *,
        run_times: RunTimeModel,
        observer: Observer,
        release: Callable[[int], None],
        recorder: BatchRecorder | None = None,
        traced: bool = False,
    ) -> None:
        """`release` is told a call's size when it takes no more room: at the end of its run, also where its time ended
        before. `traced`: whether some calls are followed.
        """
        self._model = model
        self._limits = limits
        self._run_times = run_times
        self._observer = observer
        self._release = release
        self._recorder = recorder
        self._traced = traced
        self._notes_time = limits.max_latency > 0 or traced
        self._loop = asyncio.get_running_loop()
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="inference")
        self._queue: deque[Call] = deque()
        self._queued_rows = 0
        self._turn_due: asyncio.Handle | None = None
        self._patient = False
        """Whether the turn that is due waits for more rows."""
        self._closed = False
        self._running: set[Call] = set()
        self._runs_in_threads = 0
        self._expiry: asyncio.TimerHandle | None = None
        self._expiry_at = float("inf")

    @property
    def waiting(self) -> int:
        """Calls that no run has taken yet."""
        return len(self._queue)

    def submit(self, call: Call) -> None:
        """Queue a checked call.

        Raises Overloaded when what is before it would outlast its deadline, NotReady when this is closed.
        """
        if self._closed:
            raise _not_ready()
        call.rows = self._shareable_rows(call)
        if self._runs_in_threads:
            self._check_time(call)
            self._expire_by(call.deadline.at)
        if self._notes_time:
            call.since = time.monotonic()
        self._queue.append(call)
        self._queued_rows += call.rows or 1
        if self._turn_due is None or self._patient:
            self._turn_soon()

    def close(self) -> None:
        """Drop what has not begun; do not wait for what has."""
        self._closed = True
        for handle in (self._turn_due, self._expiry):
            if handle is not None:
                handle.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)
        while self._queue:
            self._end(self._queue.popleft(), _not_ready())

    def _shareable_rows(self, call: Call) -> int:
        if self._limits.max_rows == 1:
            return 0
        rows = -1
        for array in call.feeds.values():
            if rows not in (-1, len(array)):
                return 0
            rows = len(array)
        return max(rows, 0)

    def _check_time(self, call: Call) -> None:
        """Refuse a call that, by the queue and the run times, cannot be answered in time: another pod may answer it."""
        rows = self._queued_rows + (call.rows or 1)
        in_a_run = min(rows, self._limits.max_rows)
        runs = -(-rows // in_a_run) + self._runs_in_threads
        expected = runs * self._run_times.expect(in_a_run) / self._limits.threads
        if expected * _SPARE > call.deadline.left:
            raise Overloaded(f"{len(self._queue)} requests wait, {expected:.2g} s of work: try again", "time")

    def _turn_soon(self) -> None:
        if self._turn_due is not None:
            self._turn_due.cancel()
        self._patient = False
        self._turn_due = self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Start what can start. What ends or arrives later makes another turn."""
        if self._turn_due is not None:
            self._turn_due.cancel()  # a run that ended makes this turn before the one that was due
        self._turn_due, self._patient = None, False
        until = time.monotonic() + INLINE_SECONDS
        while self._start_run() and self._queue:
            if time.monotonic() >= until:
                # In another turn: between them the event loop reads and writes.
                self._turn_soon()
                return

    def _start_run(self) -> bool:
        """Make or start one run; answer whether the next may be tried."""
        wait = self._wait_for_more()
        if wait > 0:
            self._turn_due, self._patient = self._loop.call_later(wait, self._turn), True
            return False
        short = self._limits.steady and self._run_times.expect(self._next_rows()) <= INLINE_SECONDS
        if not short and self._runs_in_threads >= self._limits.threads:
            return False
        batch = self._take()
        if batch and short:
            self._run_here(batch)
        elif batch:
            self._run_in_thread(batch)
        return True

    def _wait_for_more(self) -> float:
        """Seconds: as long as the oldest call may wait, and no call has waited for half of its time."""
        limits = self._limits
        if limits.max_latency == 0 or not self._queue or self._queued_rows >= limits.max_rows:
            return 0
        needed = _SPARE * self._run_times.expect(self._queued_rows) + _EXPIRY_SLACK
        latest = min(min((call.since + call.deadline.at) / 2, call.deadline.at - needed) for call in self._queue)
        return min(self._queue[0].since + limits.max_latency, latest) - time.monotonic()

    def _next_rows(self) -> int:
        if not self._queue or not self._queue[0].rows:
            return 1
        return max(self._queue[0].rows, min(self._queued_rows, self._limits.max_rows))

    def _take(self) -> list[Call]:
        """The oldest calls that can share a run; those whose time is over are answered and dropped."""
        batch: list[Call] = []
        passed_over: list[Call] = []
        rows, now, queue, limit = 0, time.monotonic(), self._queue, self._limits.max_rows
        while queue and (rows < limit if batch else True):
            call = queue.popleft()
            if call.deadline.at <= now:
                self._end(call, call.deadline.timeout_error())
            elif not batch:
                batch.append(call)
                rows = call.rows or limit  # 0: it shares with nobody
            elif call.rows and rows + call.rows <= limit and self._fit(call, batch[0]):
                batch.append(call)
                rows += call.rows
            else:
                passed_over.append(call)
        queue.extendleft(reversed(passed_over))
        self._queued_rows = sum(call.rows or 1 for call in queue)
        return batch

    def _fit(self, call: Call, first: Call) -> bool:
        """Whether both can be one run: the same outputs, and tensors that differ in their first dimension only."""
        if call.outputs != first.outputs:
            return False
        feeds = first.feeds
        return self._limits.steady or all(
            array.shape[1:] == feeds[name].shape[1:] for name, array in call.feeds.items()
        )

    def _run_here(self, batch: list[Call]) -> None:
        self._complete_run(batch, compute(self._model, batch))

    def _run_in_thread(self, batch: list[Call]) -> None:
        self._runs_in_threads += 1
        self._running.update(batch)
        self._expire_by(min(call.deadline.at for call in chain(batch, self._queue)))
        future = self._loop.run_in_executor(self._pool, compute, self._model, batch)
        future.add_done_callback(lambda done: self._complete_thread_run(batch, done))

    def _complete_thread_run(self, batch: list[Call], done: "asyncio.Future[RunResult]") -> None:
        self._runs_in_threads -= 1
        self._running.difference_update(batch)
        if done.cancelled():  # closed before it began
            for call in batch:
                self._end(call, _not_ready())
            return
        if not self._closed:
            self._turn()  # the next run begins before these answers are written
        self._complete_run(batch, done.result())

    def _complete_run(self, batch: list[Call], run: RunResult) -> None:
        self._run_times.learn(run.rows, run.seconds)
        self._observer.count_run(run.rows, run.seconds)
        if self._recorder is not None:
            self._record(self._recorder, batch, run)
        if self._traced:
            self._trace(batch, run)
        for call, outcome in zip(batch, run.outcomes, strict=True):
            self._end(call, outcome)

    @staticmethod
    def _trace(batch: list[Call], run: RunResult) -> None:
        for call in batch:
            trace = call.trace()
            if trace is not None and not call.finished:
                trace.note_run(
                    queued=call.since,
                    started=run.started,
                    seconds=run.seconds,
                    rows=call.rows,
                    batch_rows=run.rows,
                    requests=len(batch),
                )

    @staticmethod
    def _record(recorder: BatchRecorder, batch: list[Call], run: RunResult) -> None:
        try:
            recorder.record_run(batch, run)
        except Exception:  # noqa: BLE001 - whatever fails there, the callers get their answers
            _log.exception("a run could not be recorded")

    def _end(self, call: Call, outcome: CallOutcome) -> None:
        self._release(call.size)
        if not call.finished:
            self._finish(call, outcome)

    @staticmethod
    def _finish(call: Call, outcome: CallOutcome) -> None:
        call.finished = True
        try:
            call.finish(outcome)
        except Exception:  # noqa: BLE001 - one call's fault must not keep the others of its run waiting
            _log.exception("an outcome could not be told")

    def _expire_by(self, at: float) -> None:
        """One timer for all who wait, at the earliest deadline."""
        if at >= self._expiry_at:
            return
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry_at = at
        self._expiry = self._loop.call_later(max(0.0, at - time.monotonic()) + _EXPIRY_SLACK, self._expire)

    def _expire(self) -> None:
        """Answer those whose time is over. One that runs keeps its place until its run ends."""
        self._expiry, self._expiry_at = None, float("inf")
        now = time.monotonic()
        for call in [call for call in self._pending_calls() if call.deadline.at <= now]:
            self._finish(call, call.deadline.timeout_error())
        at = min((call.deadline.at for call in self._pending_calls()), default=None)
        if at is not None:
            self._expire_by(at)

    def _pending_calls(self) -> Iterable[Call]:
        return (call for call in chain(self._queue, self._running) if not call.finished)


def _not_ready() -> NotReady:
    return NotReady("this pod is being stopped: send the request again")
