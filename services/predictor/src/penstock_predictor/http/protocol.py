"""HTTP/1.1 as uvicorn speaks it, with a shorter way for the requests that are all but a few: inference.

Recognised by its request line and headers, such a request never becomes an ASGI cycle: its body goes to the batcher
from here, and its reply is written once. Whatever is unusual about a request (chunked, compressed, an unknown path, no
model yet) sends it uvicorn's own way to FastAPI, which answers the same: a test compares both, byte for byte.
"""

import asyncio
import time
from collections import deque
from typing import Any, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from penstock_predictor.errors import BadRequest, BodyTimeout, ClientGone, HeadTooLarge, RequestError
from penstock_predictor.http.asgi_reply import AsgiReply
from penstock_predictor.http.body_buffer import BodyBuffer, BodyDrain
from penstock_predictor.http.gathering import GatheringTransport
from penstock_predictor.http.head import Head
from penstock_predictor.http.hot_exchange import HotExchange
from penstock_predictor.http.intake import Intake
from penstock_predictor.http.reply import Reply, refusal

MAX_HEAD_BYTES = 65536
"""Of request line and headers together."""
_MOST_OWED = 64
"""Replies owed on one connection before its next requests are left unread."""
_UNUSUAL = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade"})
"""A request with one of these goes uvicorn's way."""
_OFFER = frozenset({b"upgrade", b"http2-settings"})
"""Headers, and words of `Connection`, that offer another protocol."""


class PredictorProtocol(HttpToolsProtocol):
    """One connection."""

    transport: GatheringTransport  # type: ignore[assignment]  # a transport for all that is used of one

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        intake: Intake,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._intake = intake
        self._runtime = intake.runtime
        self._arriving: HotExchange | None = None
        self._arrived: HotExchange | None = None
        """The last whose body the parser completed."""
        self._chunks: list[bytes] = []
        self._buffer: BodyBuffer | BodyDrain | None = None
        """Of a request that arrives past the parser."""
        self._owed: deque[HotExchange] = deque()
        self._piece_bytes = 0
        """Of what arrived last."""
        self._head_bytes = 0
        """Of the pieces after the one in which a head began."""
        self._in_head = False
        self._head_began = False
        self._between_messages = True
        """Whether the parser has read the last message to its end, and nothing of the next."""
        self._upgrading = False
        """Whether the request offers another protocol: its head is read again, without the offer."""
        self._cause: RequestError | None = None
        """Why a callback stopped the parser."""
        self._last_words: RequestError | None = None
        """What is said behind uvicorn's last answer."""
        self._deaf = False
        """Whether what still arrives is passed over: nothing after it can be understood, or answered."""
        self._body_timer: asyncio.TimerHandle | None = None
        self._active_at = 0.0
        self._idle_timer: asyncio.TimerHandle | None = None

    # -- the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        super().connection_made(cast("asyncio.Transport", GatheringTransport(transport, self.loop)))
        self._active_at = time.monotonic()
        self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop. What is computed for this caller goes on; nobody reads it."""
        super().connection_lost(exc)
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._arriving is not None:
            self._give_up(self._arriving, ClientGone("the caller hung up before its body was complete"))

    def _close_if_idle(self) -> None:
        """One timer a connection, which looks when it last had work: uvicorn's own, one a reply, costs more."""
        left = self._active_at + self.timeout_keep_alive - time.monotonic()
        busy = self._owed or self._in_asgi()
        if left <= 0 and not busy:
            self.transport.close()
        else:
            self._idle_timer = self.loop.call_later(max(left, 1.0), self._close_if_idle)

    def shutdown(self) -> None:
        """Called by the server when it stops: what is owed is still answered, then the connection closes."""
        if self._owed and not self.pipeline:
            self._owed[-1].keep_alive = False
        else:
            super().shutdown()

    def pause_writing(self) -> None:
        """The caller does not read its replies: take no further requests from it."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        """The caller reads again."""
        super().resume_writing()
        self.flow.resume_reading()

    # -- what arrives

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        if self._buffer is not None:
            self._fill(self._buffer, memoryview(data))
            return
        if not self._between_messages or self._in_asgi():
            self._read(data)
            return
        known = self._intake.known_heads.find(data)
        if known is None or len(data) - known[1] > known[0].length:
            self._read_first(data)
        elif len(data) - known[1] == known[0].length:
            self._begin_hot(known[0])
            self._complete(data[known[1] :])
        else:
            head, end = known
            exchange = self._begin_hot(head)
            refused = exchange.refused is not None
            self._buffer = BodyDrain(head.length) if refused else BodyBuffer(head.length, head.json_length)
            self._fill(self._buffer, memoryview(data)[end:])

    def _read_first(self, data: bytes) -> None:
        """Read what begins a message by the parser, and remember its head."""
        self._arrived = None
        self._read(data)
        known_heads = self._intake.known_heads
        if self._arrived is not None and self._between_messages:
            known_heads.keep(data, self._arrived.head, self._arrived.body)
        elif self._arriving is not None and self._arriving.refused is None:
            known_heads.keep(data, self._arriving.head, b"".join(self._chunks))

    def _fill(self, buffer: BodyBuffer | BodyDrain, data: memoryview) -> None:
        """Take what arrives of a body whose head needed no parser: its body needs none either."""
        rest = buffer.add(data)
        if not buffer.complete:
            if self._body_timer is None and self._arriving is not None:
                self._body_timer = self.loop.call_later(self._arriving.deadline.left, self._body_is_late)
            return
        self._buffer = None
        self._end_body_timer()
        self._complete(buffer.body)
        if rest:
            self.data_received(bytes(rest))

    def _read(self, data: bytes) -> None:
        self._head_began = False
        self._piece_bytes = len(data)
        self._parse(data)
        if self._in_head and not self._head_began:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_connection(_head_too_large())
        elif self._arriving is not None and self._body_timer is None:
            self._body_timer = self.loop.call_later(self._arriving.deadline.left, self._body_is_late)

    def _parse(self, data: bytes) -> None:
        try:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                self._parse_without_offers(memoryview(data)[offer.args[0] :])
        except httptools.HttpParserError as error:
            self.send_400_response(str(error))

    def _parse_without_offers(self, rest: memoryview) -> None:
        """Go on behind the head of a request that offers another protocol, as if it did not: none is spoken here.

        The parser takes such a request to end with its head, whatever body it announces.
        """
        while True:
            self.parser.feed_data(self._head_without_offer())
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                rest = rest[offer.args[0] :]
            else:
                return

    def _head_without_offer(self) -> bytes:
        self._upgrading = False
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
        for name, value in self.headers:
            if name == b"connection":
                kept = [word for word in value.split(b",") if word.strip().lower() not in _OFFER]
                lines += [b"connection: " + b",".join(kept)] if kept else []
            elif name not in _OFFER:
                lines.append(name + b": " + value)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def on_message_begin(self) -> None:
        """Called by the parser. The ASGI scope is made only for a request that needs one."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head = self._head_began = True
        self._head_bytes = 0
        self._between_messages = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser. Trailers are passed over: they come when nobody looks for headers any more."""
        if not self._in_head:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by the parser: here the ways part."""
        self._in_head = False
        if self._head_bytes + self._piece_bytes > MAX_HEAD_BYTES:
            self._check_head()
        head = self._recognise()
        if head is None:
            self._begin_asgi()
        else:
            self._begin_hot(head)

    def _check_head(self) -> None:
        """Raise HeadTooLarge, which stops the parser."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            raise self._stopped(_head_too_large())

    def _stopped(self, error: RequestError) -> RequestError:
        """What a callback raises to stop the parser: this is then what the caller is told."""
        self._cause = error
        return error

    def _recognise(self) -> Head | None:
        """The head of an ordinary request to the loaded model, one that need not wait for another."""
        route = self._intake.hot.get(self.url)
        if route is None or self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return None
        if self._in_asgi():
            return None
        headers = dict(self.headers)
        length = headers.get(b"content-length")
        if length is None or int(length) > self._runtime.settings.max_body_bytes or not _UNUSUAL.isdisjoint(headers):
            return None
        return Head(route, headers, int(length), keep_alive=self.parser.should_keep_alive())

    def _begin_hot(self, head: Head) -> HotExchange:
        exchange = HotExchange(self, head, self._intake.time_limit)
        self._arriving = exchange
        self._owed.append(exchange)
        try:
            if head.timeout_ms is not None:
                exchange.deadline = self._intake.deadline(head.timeout_ms, now=exchange.started)
            self._runtime.enter(head.length)
            exchange.size = head.length
        except RequestError as error:
            exchange.refuse(error)
        return exchange

    def _begin_asgi(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise self._stopped(BadRequest("this server is no proxy"))
            self._upgrading = True
            return
        url, headers, expect = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = expect
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Uvicorn's requests wait for replies that are owed before them."""
        if self._owed:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))
        else:
            super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        if self._arriving is None:
            super().on_body(body)
        elif self._arriving.refused is None:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._between_messages = not self._upgrading
        if self._arriving is None:
            if not self._upgrading:
                super().on_message_complete()
            return
        self._arrived = self._arriving
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self._end_body_timer()
        self._complete(body)

    def _end_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _complete(self, body: bytes | memoryview) -> None:
        """A request on the hot way is here as a whole."""
        exchange = cast("HotExchange", self._arriving)
        self._arriving = None
        exchange.body = body
        if len(self._owed) >= _MOST_OWED:
            self.flow.pause_reading()
        if exchange.refused is None:
            self._intake.begin(exchange.head.route, exchange)
        else:
            exchange.answer(refusal(exchange.refused))

    def _body_is_late(self) -> None:
        self._body_timer = None
        exchange = self._arriving
        if exchange is not None:
            error = BodyTimeout(f"the body did not arrive within {exchange.deadline.seconds:g} s")
            exchange.keep_alive = False
            self._deaf = True
            self._give_up(exchange, error)

    def _give_up(self, exchange: HotExchange, error: RequestError) -> None:
        """End a request whose body is not complete."""
        self._arriving = self._buffer = None
        self._chunks = []
        self._end_body_timer()
        if exchange.refused is None:
            self._runtime.admission.leave(exchange.size)
        exchange.answer(refusal(error))

    def send_400_response(self, msg: str) -> None:
        """Called for what is no HTTP. In our one form of refusals, behind what is owed."""
        self._refuse_connection(self._cause or BadRequest(f"this is no valid HTTP/1.1 request: {msg}"))

    def _refuse_connection(self, error: RequestError) -> None:
        """Answer, and read nothing more: where the next request begins is unknown."""
        self._deaf = True
        if self._in_asgi() and not self._end_asgi(error):
            return
        exchange = HotExchange(self, self._intake.no_head, self._intake.time_limit)
        self._owed.append(exchange)
        exchange.answer(refusal(error))

    def _end_asgi(self, error: RequestError) -> bool:
        """End with uvicorn's last request, behind which nothing is read; answer whether to refuse here and now.

        One whose body is complete is answered first. One whose body is what cannot be understood would wait for the
        rest of it.
        """
        if not self.cycle.more_body:
            self._last_words = error
            return False
        if self.pipeline:
            self.cycle.keep_alive = False
            self.pipeline[0] = (self.cycle, cast("ASGI3Application", AsgiReply(refusal(error))))
            return False
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        return True

    def on_response_complete(self) -> None:
        """Called when uvicorn has answered."""
        self._active_at = time.monotonic()
        super().on_response_complete()
        if self._last_words is not None and not self._in_asgi():
            self._refuse_connection(self._last_words)

    def _in_asgi(self) -> bool:
        """Whether uvicorn has a request of this connection that is not answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    # -- what goes out

    def owed_reply(self, exchange: HotExchange, reply: Reply) -> None:
        """Write a reply when it is its turn."""
        self._active_at = now = time.monotonic()
        exchange.reply = reply
        label = exchange.head.route.label
        self._runtime.metrics.answered(route=label, code=reply.status, seconds=now - exchange.started)
        owed = self._owed
        while owed and (first := owed[0]).reply is not None:
            owed.popleft()
            self._write(first, first.reply)
        self._go_on()

    def _write(self, exchange: HotExchange, reply: Reply) -> None:
        if self.transport.is_closing():
            return
        # Draining, the connection ends behind all that was sent before the caller knew.
        close = not exchange.keep_alive or (self._runtime.lifecycle.draining and not self._owed and not self.pipeline)
        self.server_state.total_requests += 1
        defaults = self.server_state.default_headers
        self.transport.write_whole(self._intake.heads.write(reply, defaults, exchange.head.request_id, close=close))
        if close:
            self._owed.clear()
            self.transport.close()

    def _go_on(self) -> None:
        """With uvicorn's requests that waited for the replies before them, or with what is still unread."""
        if self.transport.is_closing():
            return
        if self.pipeline:
            if not self._owed:
                cycle, app = self.pipeline.pop()
                self._start_asgi_task(cycle, app)
        elif len(self._owed) < _MOST_OWED and not self.flow.write_paused:
            self.flow.resume_reading()


def _head_too_large() -> HeadTooLarge:
    return HeadTooLarge(f"request line and headers are larger than {MAX_HEAD_BYTES} bytes")
