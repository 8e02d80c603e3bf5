"""Numbers that several processes write and any of them can add up: shared memory, with a part for each worker."""

import mmap
import os
from collections.abc import Sequence

_BYTES = 8
"""Of a double."""


class SharedCounters:
    """Each worker writes its own part alone, so nothing is locked and nothing is lost."""

    def __init__(self, size: int, workers: int, fd: int | None = None) -> None:
        """`fd`: the memory of counters of the same size that another process made; None: make it."""
        self.fd = os.memfd_create("penstock-counters") if fd is None else fd
        """A fork finds it open; another program must be given it."""
        self._size = size
        self._workers = workers
        length = size * workers * _BYTES
        os.ftruncate(self.fd, length)
        self._all = memoryview(mmap.mmap(self.fd, length)).cast("d")

    def part(self, worker: int) -> "memoryview[float]":
        """The numbers of one worker; a worker that takes another's place goes on where that one stopped."""
        return self._all[worker * self._size : (worker + 1) * self._size]

    def parts(self) -> "list[memoryview[float]]":
        """The numbers of each worker."""
        return [self.part(worker) for worker in range(self._workers)]

    def totals(self) -> Sequence[float]:
        """Each number over all workers."""
        parts = [part.tolist() for part in self.parts()]
        return parts[0] if len(parts) == 1 else [sum(column) for column in zip(*parts, strict=True)]
