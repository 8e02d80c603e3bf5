"""One request that the ASGI application answers, in its turn on its connection."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, Protocol
from urllib.parse import unquote

import httptools

from penstock_predictor.http.reply import CLOSE, STATUS_LINES, Header, header_line
from penstock_predictor.http.request_parser import ParsedHead

AsgiMessage = MutableMapping[str, Any]
AsgiApp = Callable[
    [AsgiMessage, Callable[[], Awaitable[AsgiMessage]], Callable[[AsgiMessage], Awaitable[None]]], Awaitable[None]
]

MOST_UNREAD: Final = 65536
"""Bytes of a body that the application has not taken yet, from which on its connection is read no further."""
_WITHOUT_BODY: Final = frozenset({204, 304})
_UNSAFE: Final = re.compile(rb"[\x00\r\n]").search
"""In a header: what would end it."""
_FAILED: Final = b"Internal Server Error"

_log = logging.getLogger(__name__)


class AsgiChannel(Protocol):
    """The connection, as a cycle sees it."""

    @property
    def server_headers(self) -> list[Header]:
        """Such as the date."""

    def write(self, data: bytes) -> None:
        """Send bytes of the response whose turn it is."""

    def abort(self) -> None:
        """Close: the response cannot be completed."""

    async def writable(self) -> None:
        """Wait while the caller does not read what it was sent."""

    def pace_reading(self) -> None:
        """Read on, or no further, as what was read is taken."""

    def closes_behind(self, cycle: "AsgiCycle") -> bool:
        """Whether the connection ends with this response."""

    def end_cycle(self, cycle: "AsgiCycle") -> None:
        """The response is complete."""


def asgi_scope(head: ParsedHead) -> dict[str, Any]:
    """What ASGI says of a request, less what is the connection's. Raises ValueError for an address that is none."""
    url = httptools.parse_url(head.url)
    if url.path is None:
        raise ValueError(f"{head.url!r} names no path")
    path = url.path.decode("ascii")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head.version,
        "method": head.method.decode("ascii"),
        "root_path": "",
        "path": unquote(path) if "%" in path else path,
        "raw_path": url.path,
        "query_string": url.query or b"",
        "headers": head.headers,
    }


class AsgiCycle:
    """Runs the application from the request's turn on. A response with one body leaves in one write, as a whole.

    A process killed with -9 shall have sent a reply as a whole, or nothing of it: between head and body the gateway
    has passed the head on, and cannot try the request again elsewhere.
    """

    def __init__(self, app: AsgiApp, scope: dict[str, Any], channel: AsgiChannel, head: ParsedHead) -> None:
        self.keep_alive = head.keep_alive
        self.more_body = True
        """Whether some of the request's body is still to arrive."""
        self.started = False
        self.responding = False
        """Whether some of the response was written."""
        self.complete = False
        self._app = app
        self._scope = scope
        self._channel = channel
        self._expects_continue = head.expects_continue
        self._unread = bytearray()
        self._news = asyncio.Event()
        """Set when `_receive` has something to say."""
        self._disconnected = False
        self._head: bytes | None = None
        """Of the response, held back until there is some of its body."""
        self._left: int | None = None
        """Bytes of the response's body to come; None: it is sent in chunks."""

    @property
    def unread(self) -> int:
        """Bytes of the body that the application has not taken."""
        return len(self._unread)

    def add_body(self, data: bytes) -> None:
        """More of the body is here; it is dropped where nobody will read it."""
        if not self.complete:
            self._unread += data
            self._news.set()

    def end_body(self) -> None:
        """All of the body is here."""
        self.more_body = False
        self._news.set()

    def disconnect(self) -> None:
        """The caller is gone, or cannot be understood: nothing of the response is sent any more."""
        self._disconnected = True
        self._news.set()

    async def run(self) -> None:
        """Have the application answer."""
        try:
            await self._app(self._scope, self._receive, self._send)
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - the outermost frame; cancelled when the server ends
            _log.exception("the application failed")
        if self.complete or self._disconnected:
            return
        if self._head is None:
            headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(_FAILED)), CLOSE]
            await self._send({"type": "http.response.start", "status": 500, "headers": headers})
            await self._send({"type": "http.response.body", "body": _FAILED})
        else:
            self._channel.abort()

    async def _receive(self) -> AsgiMessage:
        if self._expects_continue and self._head is None and not self._disconnected:
            self._expects_continue = False
            self._channel.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self._disconnected and not self.complete:
            await self._news.wait()
            self._news.clear()
        if self._disconnected or self.complete:
            return {"type": "http.disconnect"}
        body = bytes(self._unread)
        self._unread.clear()
        self._channel.pace_reading()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def _send(self, message: AsgiMessage) -> None:
        await self._channel.writable()
        if self._disconnected:
            return
        if self._head is None and message["type"] == "http.response.start":
            self._head = self._response_head(message["status"], [*message.get("headers", ())])
        elif self._head is not None and not self.complete and message["type"] == "http.response.body":
            self._send_body(message.get("body", b""), more=message.get("more_body", False))
        else:
            raise RuntimeError(f"{message['type']!r} is no message that may come here")

    def _response_head(self, status: int, headers: list[Header]) -> bytes:
        names = {name.lower(): value for name, value in headers}
        if any(map(_UNSAFE, (part for header in headers for part in header))):
            raise RuntimeError("a header of the response has a line break in it")
        says_close = b"close" in names.get(b"connection", b"").lower()
        self.keep_alive = not says_close and not self._channel.closes_behind(self)
        if not self.keep_alive and not says_close:
            headers.append(CLOSE)
        if b"content-length" in names:
            self._left = int(names[b"content-length"])
        elif status in _WITHOUT_BODY or self._scope["method"] == "HEAD":
            self._left = 0
        elif b"transfer-encoding" not in names:
            headers.append((b"transfer-encoding", b"chunked"))
        lines = [header_line(name.lower(), value) for name, value in (*self._channel.server_headers, *headers)]
        return STATUS_LINES[status] + b"".join(lines) + b"\r\n"

    def _send_body(self, body: bytes, *, more: bool) -> None:
        if self._scope["method"] == "HEAD":
            body, self._left = b"", 0
        if self._left is None:
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + (b"" if more else b"0\r\n\r\n")
        else:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("the response's body has not the length that its head says")
        head = b"" if self.responding else self._head or b""
        self.responding = True
        if head or body:
            self._channel.write(head + body)
        if not more:
            self.complete = True
            self._unread.clear()
            self._news.set()
            self._channel.end_cycle(self)
