"""Reads requests by httptools: their heads, within our limit, and their bodies as they come."""

from typing import Any, Final, Protocol

import httptools

from penstock_predictor.errors import BadRequest, HeadTooLarge, RequestError
from penstock_predictor.http.reply import Header

MAX_HEAD_BYTES: Final = 65536
"""Of request line and headers together."""
_OFFER: Final = frozenset({b"upgrade", b"http2-settings"})
"""Headers, and words of `Connection`, that offer another protocol."""


class ParsedHead:
    """Request line and headers of one request."""

    __slots__ = ("expects_continue", "headers", "keep_alive", "method", "url", "version")

    def __init__(self, method: bytes, url: bytes, version: str, headers: list[Header], *, keep_alive: bool) -> None:
        self.method = method
        self.url = url
        self.version = version
        """Such as 1.1."""
        self.headers = headers
        """In their order, their names in lower case."""
        self.keep_alive = keep_alive and version != "1.0"
        self.expects_continue = any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)


class RequestSink(Protocol):
    """Takes what the parser reads. What it raises stops the parser."""

    def begin_request(self, head: ParsedHead) -> None:
        """A head is here. Raises a RequestError."""

    def add_body(self, data: bytes) -> None:
        """Some of the body is here."""

    def end_request(self) -> None:
        """The whole body is here."""


class RequestParser:
    """Of one connection. Other protocols that a request offers are passed over."""

    def __init__(self, sink: RequestSink) -> None:
        self.between_messages = True
        """Whether the last message was read to its end, and nothing of the next."""
        self._sink: RequestSink | None = sink
        self._parser: Any = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)  # it is passed over, and no error
        self._url = b""
        self._headers: list[Header] = []
        self._in_head = False
        self._piece_bytes = 0
        """Of what was read last."""
        self._first_bytes = 0
        """Of the piece in which the head began."""
        self._more_bytes = 0
        """Of the pieces after that one."""
        self._upgrading = False
        """Whether the request offers another protocol: its head is read again, without the offer."""
        self._cause: RequestError | None = None
        """Why a callback stopped the parser."""

    def read(self, data: bytes) -> None:
        """Read on. Raises a RequestError, after which nothing more can be read: where a request begins is unknown."""
        self._piece_bytes = len(data)
        if self._in_head:
            self._more_bytes += len(data)
        try:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                self._read_without_offers(memoryview(data)[offer.args[0] :])
        except httptools.HttpParserError as error:
            raise (self._cause or BadRequest(f"this is no valid HTTP/1.1 request: {error}")) from None
        if self._in_head and self._more_bytes > MAX_HEAD_BYTES:
            raise _head_too_large()

    def close(self) -> None:
        """Nothing more is read. It and its connection would keep each other until the next collection."""
        self._sink = None
        self._parser = None

    def _read_without_offers(self, rest: memoryview) -> None:
        """Go on behind the head of a request that offers another protocol, as if it did not: none is spoken here.

        httptools takes such a request to end with its head, whatever body it announces.
        """
        while True:
            self._parser.feed_data(self._head_without_offer())
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                rest = rest[offer.args[0] :]
            else:
                return

    def _head_without_offer(self) -> bytes:
        self._upgrading = False
        version = self._parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self._parser.get_method(), self._url, version)]
        for name, value in self._headers:
            if name == b"connection":
                kept = [word for word in value.split(b",") if word.strip().lower() not in _OFFER]
                lines += [b"connection: " + b",".join(kept)] if kept else []
            elif name not in _OFFER:
                lines.append(name + b": " + value)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def on_message_begin(self) -> None:
        """Called by httptools."""
        self._url = b""
        self._headers = []
        self._in_head = True
        self._first_bytes = self._piece_bytes
        self._more_bytes = 0
        self.between_messages = False

    def on_url(self, url: bytes) -> None:
        """Called by httptools."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by httptools. Trailers are passed over: they come when nobody looks for headers any more."""
        if self._in_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Called by httptools."""
        self._in_head = False
        parser = self._parser
        try:
            self._check_size()
            if parser.should_upgrade():
                self._pass_over_offer()
                return
            head = ParsedHead(
                parser.get_method(),
                self._url,
                parser.get_http_version(),
                self._headers,
                keep_alive=parser.should_keep_alive(),
            )
            self._open_sink().begin_request(head)
        except RequestError as error:
            self._cause = error
            raise

    def _check_size(self) -> None:
        if self._first_bytes + self._more_bytes <= MAX_HEAD_BYTES:
            return
        size = len(self._url) + sum(len(name) + len(value) for name, value in self._headers)
        if size > MAX_HEAD_BYTES:
            raise _head_too_large()

    def _pass_over_offer(self) -> None:
        if self._parser.get_method() == b"CONNECT":
            raise BadRequest("this server is no proxy")
        self._upgrading = True

    def on_body(self, body: bytes) -> None:
        """Called by httptools."""
        if not self._upgrading:
            self._open_sink().add_body(body)

    def on_message_complete(self) -> None:
        """Called by httptools."""
        self.between_messages = not self._upgrading
        if not self._upgrading:
            self._open_sink().end_request()

    def _open_sink(self) -> RequestSink:
        if self._sink is None:
            raise AssertionError("a connection that is closed was read")
        return self._sink


def _head_too_large() -> HeadTooLarge:
    return HeadTooLarge(f"request line and headers are larger than {MAX_HEAD_BYTES} bytes")
