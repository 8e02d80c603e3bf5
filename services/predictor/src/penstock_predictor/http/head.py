"""What the head of an inference request says, and the heads that were read before.

A caller on a kept-alive connection sends the same head again and again. A head that the parser accepted once, at the
beginning of a message, it would read in the same way again: the same bytes need no second reading.
"""

from collections.abc import Mapping
from typing import Protocol

from penstock_contracts.names import HEADER_REQUEST_ID
from penstock_predictor.http.exchange import Exchange, asked_timeout
from penstock_predictor.http.http_call import HttpCall
from penstock_predictor.tensors.binary_tail import HEADER as BINARY_HEADER
from penstock_predictor.tensors.binary_tail import json_length

_REQUEST_ID = HEADER_REQUEST_ID.encode()
_MOST_KEPT = 4096
_LONGEST_KEPT = 2048
"""Bytes; with the number it bounds what is kept."""


class Route(Protocol):
    """A way to ask the model over HTTP."""

    label: str
    """Its name in metrics."""

    def takes_long(self, exchange: Exchange, /) -> bool:
        """Whether reading takes so long that it should not be done on the event loop."""

    def read(self, exchange: Exchange, /) -> HttpCall:
        """Turn a request into a call that fits the model. Raises a RequestError."""


class Head:
    """Request line and headers of one request to an inference route."""

    __slots__ = ("headers", "json_length", "keep_alive", "length", "request_id", "route", "timeout_ms")

    def __init__(self, route: Route, headers: Mapping[bytes, bytes], length: int, *, keep_alive: bool) -> None:
        self.route = route
        self.headers = headers
        """By lower-case name; of one that occurs twice, the last."""
        self.length = length
        """Of the body, in bytes."""
        self.keep_alive = keep_alive
        self.request_id = headers.get(_REQUEST_ID)
        self.timeout_ms = asked_timeout(headers)
        self.json_length = json_length(headers.get(BINARY_HEADER, b""))
        """Of the body's beginning; tensors' bytes may follow it."""


class KnownHeads:
    """Heads by their bytes, from the first of the request line to the empty line. Bounded."""

    def __init__(self) -> None:
        self._heads: dict[bytes, Head] = {}

    def find(self, data: bytes) -> tuple[Head, int] | None:
        """The head at the beginning of the data, and where its body begins; None for one that was not read before."""
        end = data.find(b"\r\n\r\n") + 4
        head = self._heads.get(data[:end])
        return None if head is None else (head, end)

    def keep(self, data: bytes, head: Head, body: bytes | memoryview) -> None:
        """Remember the head of a message that was just read, where the data is that head and `body`: all or some of it.

        One with a request id does not come again.
        """
        end = len(data) - len(body)
        apart = data.find(b"\r\n\r\n") + 4 == end and len(body) <= head.length and data.endswith(bytes(body))
        if not apart or end > _LONGEST_KEPT or head.request_id is not None:
            return
        if len(self._heads) >= _MOST_KEPT:
            self._heads.clear()
        self._heads[data[:end]] = head
