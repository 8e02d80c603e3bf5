"""A bound on the bytes of all bodies that are being read or wait to be written."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request

from penstock_drift_monitor.errors import NoRoom, TooLarge


class Room:
    """Bytes that are taken before a body is read, and given back when its answer is there."""

    def __init__(self, total: int, largest: int) -> None:
        """`total` bytes for all bodies, `largest` for one."""
        self._left = max(total, largest)
        self._largest = largest

    @contextmanager
    def take(self, request: Request) -> Iterator[None]:
        """Hold the room that a request's body needs. Raises TooLarge and NoRoom."""
        said = request.headers.get("content-length", "")
        size = int(said) if said.isdigit() else self._largest
        if size > self._largest:
            raise TooLarge(f"the body has {size} bytes, more than {self._largest}: send smaller batches")
        if size > self._left:
            raise NoRoom("too many bodies wait for the disk: send it again in some seconds")
        self._left -= size
        try:
            yield
        finally:
            self._left += size

    async def body(self, request: Request) -> bytes:
        """Read a body. Raises TooLarge."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > self._largest:
                raise TooLarge(f"the body has more than {self._largest} bytes: send smaller batches")
            chunks.append(chunk)
        return b"".join(chunks)
