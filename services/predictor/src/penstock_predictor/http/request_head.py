"""What the head of an inference request says, and the heads that were read before.

A caller on a kept-alive connection sends the same head again and again. A head that the parser accepted once, at the
beginning of a message, it would read in the same way again: the same bytes need no second reading.
"""

from collections.abc import Mapping

from penstock_predictor.http.exchange import REQUEST_ID, Route, requested_timeout
from penstock_predictor.http.reply import is_request_id
from penstock_predictor.tensors.binary_tensors import HEADER as BINARY_HEADER
from penstock_predictor.tensors.binary_tensors import json_length

_ID_LINE = b"\r\n" + REQUEST_ID + b": "
_MOST_KEPT = 4096
_LONGEST_KEPT = 2048
"""Bytes; with the number it bounds what is kept."""


class RequestHead:
    """Request line and headers of requests to an inference route: all but the id that each has of its own."""

    __slots__ = ("headers", "json_length", "keep_alive", "length", "route", "timeout_ms")

    def __init__(self, route: Route, headers: Mapping[bytes, bytes], length: int, *, keep_alive: bool) -> None:
        self.route = route
        self.headers = headers
        """By lower-case name; of one that occurs twice, the last."""
        self.length = length
        """Of the body, in bytes."""
        self.keep_alive = keep_alive
        self.timeout_ms = requested_timeout(headers)
        self.json_length = json_length(headers.get(BINARY_HEADER, b""))
        """Of the body's beginning; tensors' bytes may follow it."""


FoundHead = tuple[RequestHead, bytes | None, int]
"""A head, the request's id if it has one, and where its body begins."""


class KnownHeads:
    """Heads by their bytes, from the first of the request line to the empty line. Bounded.

    A gateway gives each request an id of its own: such a head is known by its bytes without the id.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, RequestHead] = {}
        self._heads_without_id: dict[tuple[bytes, bytes], RequestHead] = {}

    def find(self, data: bytes) -> FoundHead | None:
        """The head at the beginning of the data; None for one that was not read before."""
        end = data.find(b"\r\n\r\n") + 4
        head = self._heads.get(data[:end])
        if head is not None:
            return head, None, end
        parts = _around_id(data, end)
        if parts is None:
            return None
        before, request_id, behind = parts
        known = self._heads_without_id.get((before, behind))
        return None if known is None else (known, request_id, end)

    def keep(self, data: bytes, head: RequestHead, request_id: bytes | None, body: bytes | memoryview) -> None:
        """Remember the head of a message that was just read, where the data is that head and `body`: all or some of it.

        One with a request id, written otherwise than gateways write it, does not come again.
        """
        end = len(data) - len(body)
        apart = data.find(b"\r\n\r\n") + 4 == end and len(body) <= head.length and data.endswith(bytes(body))
        if not apart or end > _LONGEST_KEPT:
            return
        if len(self._heads) + len(self._heads_without_id) >= _MOST_KEPT:
            self._heads.clear()
            self._heads_without_id.clear()
        if request_id is None:
            self._heads[data[:end]] = head
        elif (parts := _around_id(data, end)) and _is_plain(parts, request_id):
            before, _, behind = parts
            self._heads_without_id[before, behind] = head


def _around_id(data: bytes, end: int) -> tuple[bytes, bytes, bytes] | None:
    """What stands before the first request id, the id, and what stands behind it; None: no word to echo is there."""
    before = data.find(_ID_LINE, 0, end) + len(_ID_LINE)
    if before < len(_ID_LINE):
        return None
    behind = data.index(b"\r\n", before)
    request_id = data[before:behind]
    return (data[:before], request_id, data[behind:end]) if is_request_id(request_id) else None


def _is_plain(parts: tuple[bytes, bytes, bytes], read: bytes) -> bool:
    """Whether the parser took that word for the id, and would take any other: it is the only one, on a single line."""
    before, request_id, behind = parts
    return request_id == read and REQUEST_ID not in behind.lower() and before.lower().count(REQUEST_ID) == 1
