"""How many requests, and how many bytes of them, are accepted at once."""

from threading import Lock

from penstock_predictor.errors import Overloaded


class Admission:
    """Counts what is accepted and not yet answered. Thread-safe: slots are given back by worker threads."""

    def __init__(self, *, max_requests: int, max_bytes: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._requests = 0
        self._bytes = 0

    @property
    def in_flight(self) -> int:
        """Requests accepted and not yet answered."""
        return self._requests

    def enter(self) -> "Slot":
        """Accept a request. Raises Overloaded when there are too many."""
        with self._lock:
            if self._requests >= self._max_requests:
                raise Overloaded(f"{self._requests} requests are in flight, the limit of this pod: try again")
            self._requests += 1
        return Slot(self)

    def _take(self, size: int) -> None:
        with self._lock:
            if self._bytes + size > self._max_bytes:
                raise Overloaded(f"bodies of {self._bytes} bytes are in flight, {size} more pass the limit: try again")
            self._bytes += size

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._requests -= 1
            self._bytes -= size


class Slot:
    """The place of one accepted request."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._size = 0
        self._left = False

    def take(self, size: int) -> None:
        """Count bytes that arrived. Raises Overloaded when all bodies together are too large."""
        self._admission._take(size)  # noqa: SLF001 - a slot is part of its admission
        self._size += size

    def leave(self) -> None:
        """Give the place and its bytes back; again does nothing."""
        if not self._left:
            self._left = True
            self._admission._give_back(self._size)  # noqa: SLF001 - as above
