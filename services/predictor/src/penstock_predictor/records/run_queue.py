"""Runs between the event loop and the thread that records: references to their tensors, nothing copied."""

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from penstock_predictor.model.inference import Feeds
    from penstock_predictor.serving.call import CallOutputs, LookupNotes

Asked = tuple[bytes | None, int, bool]
"""Of one request: its id, its rows, and whether it is a copy. A tuple, as each request makes one."""


class RanCalls:
    """Calls of one run that were answered and are recorded."""

    __slots__ = ("asked", "at", "feeds", "lookups", "outputs", "parts", "rows", "size")

    def __init__(self, at: float, outputs: tuple[str, ...]) -> None:
        self.at = at
        """Unix time in seconds, when the run ended."""
        self.outputs = outputs
        """Names of what was computed, which all calls of a run share."""
        self.asked: list[Asked] = []
        self.feeds: list[Feeds] = []
        """For each of these requests its inputs; or one for all, where they were joined for the run."""
        self.parts: list[CallOutputs] = []
        """And its outputs, likewise."""
        self.lookups: list[LookupNotes | None] = []
        """For each of these requests what was looked up for it."""
        self.rows = 0
        """Of all calls."""
        self.size = 0
        """Bytes that they keep from being freed, about."""


_MOST_TAKEN: Final = 64
_MOST_TAKEN_BYTES: Final = 64 * 1024
"""A run that is larger is taken by itself."""


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

    def take(self) -> list[RanCalls]:
        """The oldest: as many as are soon worked off. Empty: nothing waits."""
        taken: list[RanCalls] = []
        size = 0
        while self._runs and len(taken) < _MOST_TAKEN and size < _MOST_TAKEN_BYTES:
            run = self._runs.popleft()
            taken.append(run)
            size += run.size
            self._taken_rows += run.rows
        self._taken_bytes += size
        return taken
