"""What the event loop does for records: for each run, note whose tensors are to be sent."""

import time
from collections.abc import Callable, Sequence
from typing import Final
from zlib import crc32

from penstock_predictor.errors import RequestError
from penstock_predictor.model.inference import Feeds
from penstock_predictor.records.run_queue import RanCalls, RunQueue
from penstock_predictor.serving.call import Call, CallOutputs
from penstock_predictor.serving.run import RunResult

_ALL: Final = 2**32
_STEP: Final = 2654435761
"""2**32 divided by the golden ratio: multiples of it, less whole multiples of 2**32, lie evenly over that range."""


class Sampling:
    """Takes a share of all requests, by their ids alone, so that two versions take the same ones.

    Used on the event loop only.
    """

    def __init__(self, rate: float, start: int = 0) -> None:
        """`rate`: from 0 to 1. `start`: where this process begins with requests that have no id."""
        self._below = round(rate * _ALL)
        self._without_id = start % _ALL

    def takes(self, request_id: bytes | None) -> bool:
        """Whether to record this request. Of those without an id it takes the same share, evenly."""
        if request_id:
            return crc32(request_id) < self._below
        self._without_id = (self._without_id + _STEP) % _ALL
        return self._without_id < self._below


_CALL_BYTES: Final = 512
"""Of the objects that hold one call's tensors."""
_LOOKUP_BYTES: Final = 512
"""Of a row's look-up."""
_ELEMENT_BYTES: Final = 16
"""Of an output's element: itself, and its text where the answer keeps that."""


class RunRecorder:
    """Puts runs into the queue, and tells when there is no room. Used on the event loop only."""

    def __init__(self, queue: RunQueue, sampling: Sampling | None, dropped: Callable[[int], None]) -> None:
        """`sampling`: None takes every request. `dropped` is told of rows for which there was no room."""
        self._queue = queue
        self._sampling = sampling
        self._dropped = dropped

    def record_run(self, batch: Sequence[Call], run: RunResult) -> None:
        """Record the calls of one run that are about to be answered; those that failed, or expired before, are not."""
        ran, sampling = RanCalls(time.time(), batch[0].outputs), self._sampling
        for call, outcome in zip(batch, run.outcomes, strict=True):
            if call.finished or isinstance(outcome, RequestError):
                continue
            request_id, shadow = call.origin()
            if sampling is not None and not sampling.takes(request_id):
                continue
            rows = call.rows or rows_of(call.feeds)
            if rows:
                lookup = call.looked_up()
                ran.asked.append((request_id, rows, shadow))
                ran.lookups.append(lookup)
                ran.feeds.append(call.feeds)
                ran.parts.append(outcome)
                ran.rows += rows
                ran.size += call.size + _CALL_BYTES + _ELEMENT_BYTES * outcome.elements
                if lookup is not None:
                    ran.size += _LOOKUP_BYTES * rows
        if run.joined is not None and len(ran.asked) == len(batch):
            # All of the run: its tensors as they were computed, so that nobody joins them once more.
            ran.feeds, ran.parts = [run.joined.feeds], [CallOutputs(run.joined.outputs)]
        if ran.rows and not self._queue.put(ran):
            self._dropped(ran.rows)


def rows_of(feeds: Feeds) -> int:
    """Rows of a call that had a run of its own: as many as each of its inputs has. Where they differ it is one."""
    sizes = {len(array) for array in feeds.values() if array.ndim}
    return sizes.pop() if len(sizes) == 1 else 1
