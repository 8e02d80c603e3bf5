"""How many requests, and how many bytes of them, are accepted at once."""

from penstock_predictor.errors import Overloaded


class Admission:
    """Counts what is accepted and not yet computed. Used on the event loop only, so it needs no lock."""

    __slots__ = ("_max_bytes", "_max_requests", "bytes", "requests")

    def __init__(self, *, max_requests: int, max_bytes: int) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self.requests = 0
        """Accepted and not yet computed."""
        self.bytes = 0
        """Of the bodies of all those."""

    def enter(self, size: int = 0) -> None:
        """Accept a request with a body of that many bytes. Raises Overloaded when there is too much."""
        if self.requests >= self._max_requests:
            raise Overloaded(
                f"{self.requests} requests are in flight, the limit of this process: try again", "requests"
            )
        if self.bytes + size > self._max_bytes:
            raise self._too_much(size)
        self.requests += 1
        self.bytes += size

    def grow(self, size: int) -> None:
        """Count more bytes of an accepted request. Raises Overloaded when all bodies together are too large."""
        if self.bytes + size > self._max_bytes:
            raise self._too_much(size)
        self.bytes += size

    def leave(self, size: int) -> None:
        """Give a request's place and its bytes back."""
        self.requests -= 1
        self.bytes -= size

    def _too_much(self, size: int) -> Overloaded:
        return Overloaded(f"bodies of {self.bytes} bytes are in flight, {size} more are too much: try again", "bytes")
