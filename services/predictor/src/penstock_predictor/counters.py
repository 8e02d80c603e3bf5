"""Numbers that several processes write and any of them can add up: shared memory, with a part for each worker."""

import mmap
from collections.abc import Sequence

_BYTES = 8
"""Of a double."""


class SharedCounters:
    """Made before workers are forked. Each writes its own part alone, so nothing is locked and nothing is lost."""

    def __init__(self, size: int, workers: int) -> None:
        self._size = size
        self._all = memoryview(mmap.mmap(-1, size * workers * _BYTES)).cast("d")
        self._workers = workers

    def part(self, worker: int) -> "memoryview[float]":
        """The numbers of one worker; a worker that takes another's place goes on where that one stopped."""
        return self._all[worker * self._size : (worker + 1) * self._size]

    def totals(self) -> Sequence[float]:
        """Each number over all workers."""
        parts = [self.part(worker).tolist() for worker in range(self._workers)]
        return parts[0] if len(parts) == 1 else [sum(column) for column in zip(*parts, strict=True)]
