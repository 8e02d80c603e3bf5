"""An answer over HTTP as a value, and how it is written: the fast path and ASGI write the same bytes."""

import re
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from penstock_contracts.names import HEADER_DIGEST, HEADER_REQUEST_ID
from penstock_predictor.errors import RequestError
from penstock_predictor.tensors.answers import to_json

Header = tuple[bytes, bytes]
"""Lower-case name and value."""

JSON = b"application/json"
BINARY = b"application/octet-stream"
CLOSE: Header = (b"connection", b"close")

is_request_id = re.compile(rb"[\x21-\x7e]{1,128}").fullmatch
"""A caller's request id that is echoed: words that could end a header, or are very long, are not."""

_COMPRESSED_FROM = 16384
"""Bytes of an answer that are worth the processor's time; smaller ones go out in one or a few packets anyway."""
_GZIP = 16 + zlib.MAX_WBITS
"""zlib's way to say: with a gzip header."""


class Reply:
    """Status, body, and the headers that are its own; what every answer carries is added where it is written."""

    __slots__ = ("body", "content_type", "extra", "status")

    def __init__(
        self, body: bytes, *, status: int = 200, content_type: bytes = JSON, extra: tuple[Header, ...] = ()
    ) -> None:
        self.body = body
        self.status = status
        self.content_type = content_type
        self.extra = extra

    def headers(self) -> list[Header]:
        """In the order in which they are written."""
        length = str(len(self.body)).encode()
        return [(b"content-length", length), (b"content-type", self.content_type), *self.extra]


def refusal(error: RequestError) -> Reply:
    """The one JSON form of every refusal."""
    extra = tuple((name.encode(), value.encode()) for name, value in error.headers.items())
    return Reply(to_json({"error": str(error)}), status=error.status, extra=extra)


def compressed(reply: Reply, headers: Mapping[bytes, bytes]) -> Reply:
    """The reply as the request's Accept-Encoding allows: gzip for a large one."""
    if len(reply.body) < _COMPRESSED_FROM or not accepts_gzip(headers.get(b"accept-encoding", b"")):
        return reply
    packer = zlib.compressobj(level=1, wbits=_GZIP)
    body = packer.compress(reply.body) + packer.flush()
    extra = (*reply.extra, (b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"))
    return Reply(body, status=reply.status, content_type=reply.content_type, extra=extra)


def accepts_gzip(accepted: bytes) -> bool:
    """Whether an Accept-Encoding gives gzip, or what it does not name, a weight that is not 0."""
    weights = {}
    for item in accepted.lower().split(b","):
        name, _, weight = item.partition(b";")
        weights[name.strip()] = weight.replace(b" ", b"").rstrip(b"0")
    return weights.get(b"gzip", weights.get(b"*", b"q=")) not in (b"q=", b"q=0.", b"q=.")


async def send_reply(reply: Reply, send: Callable[[MutableMapping[str, Any]], Awaitable[None]]) -> None:
    """Answer an ASGI request with it."""
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers()})
    await send({"type": "http.response.body", "body": reply.body})


class ResponseHeads:
    """Writes whole replies. What is the same in all of them is made once a second, when the date changes."""

    def __init__(self, digest: str) -> None:
        self._digest = header_line(HEADER_DIGEST.encode(), digest.encode()) if digest else b""
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
            else header_line(HEADER_REQUEST_ID.encode(), request_id)
        )
        return b"%bcontent-length: %d\r\ncontent-type: %b\r\n%b%b%b%b\r\n%b" % (
            start,
            len(reply.body),
            reply.content_type,
            b"".join(header_line(name, value) for name, value in reply.extra) if reply.extra else b"",
            self._digest,
            echoed,
            b"connection: close\r\n" if close and CLOSE not in reply.extra else b"",
            reply.body,
        )

    def _start(self, status: int) -> bytes:
        start = STATUS_LINES[status] + b"".join(header_line(name, value) for name, value in self._defaults)
        self._starts[status] = start
        return start


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


STATUS_LINES: Final = {status: _status_line(status) for status in range(100, 600)}
"""The first lines of responses; a code that has no name in the standard has none here."""


def header_line(name: bytes, value: bytes) -> bytes:
    """One header as it is written."""
    return b"%b: %b\r\n" % (name, value)
