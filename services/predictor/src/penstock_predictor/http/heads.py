"""The heads of replies on the hot way: the same bytes, in the same order, as uvicorn writes for the same reply."""

import re
from collections.abc import Sequence

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from penstock_contracts.names import HEADER_DIGEST, HEADER_REQUEST_ID
from penstock_predictor.http.reply import Header, Reply

is_request_id = re.compile(rb"[\x21-\x7e]{1,128}").fullmatch
"""A caller's request id that is echoed: words that could end a header, or are very long, are not."""

CLOSE: Header = (b"connection", b"close")
_CONNECTION_CLOSE = b"connection: close\r\n"


class Heads:
    """Writes whole replies. What is the same in all of them is made once a second, when the date changes."""

    def __init__(self, digest: str) -> None:
        self._digest = _line(HEADER_DIGEST.encode(), digest.encode()) if digest else b""
        self._defaults: Sequence[Header] = ()
        self._starts: dict[int, bytes] = {}

    def write(self, reply: Reply, defaults: Sequence[Header], request_id: bytes | None, *, close: bool) -> bytes:
        """Head and body. `defaults` are the server's own headers, such as the date."""
        if defaults is not self._defaults:
            self._defaults = defaults
            self._starts.clear()
        start = self._starts.get(reply.status) or self._start(reply.status)
        echoed = (
            b""
            if request_id is None or not is_request_id(request_id)
            else _line(HEADER_REQUEST_ID.encode(), request_id)
        )
        return b"%bcontent-length: %d\r\ncontent-type: %b\r\n%b%b%b%b\r\n%b" % (
            start,
            len(reply.body),
            reply.content_type,
            b"".join(_line(name, value) for name, value in reply.extra) if reply.extra else b"",
            self._digest,
            echoed,
            _CONNECTION_CLOSE if close and CLOSE not in reply.extra else b"",
            reply.body,
        )

    def _start(self, status: int) -> bytes:
        start = STATUS_LINE[status] + b"".join(_line(name, value) for name, value in self._defaults)
        self._starts[status] = start
        return start


def _line(name: bytes, value: bytes) -> bytes:
    return b"%b: %b\r\n" % (name, value)
