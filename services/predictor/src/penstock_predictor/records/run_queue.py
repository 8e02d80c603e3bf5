"""Runs between the event loop and the thread that records."""

from collections import deque

from penstock_predictor.records.ran_calls import RanCalls


class RunQueue:
    """Bounded by rows and by bytes. One thread puts, another takes; neither ever waits.

    Each number is written by one of them alone, so nothing is locked.
    """

    def __init__(self, *, max_rows: int, max_bytes: int) -> None:
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._runs: deque[RanCalls] = deque()
        self._put_rows = self._put_bytes = 0
        self._taken_rows = self._taken_bytes = 0

    @property
    def rows(self) -> int:
        """How many wait."""
        return self._put_rows - self._taken_rows

    def put(self, run: RanCalls) -> bool:
        """Whether there was room for it."""
        size = self._put_bytes - self._taken_bytes + run.size
        if self.rows + run.rows > self._max_rows or size > self._max_bytes:
            return False
        self._put_rows += run.rows
        self._put_bytes += run.size
        self._runs.append(run)
        return True

    def take(self) -> RanCalls | None:
        """The oldest; None: nothing waits."""
        try:
            run = self._runs.popleft()
        except IndexError:
            return None
        self._taken_rows += run.rows
        self._taken_bytes += run.size
        return run
