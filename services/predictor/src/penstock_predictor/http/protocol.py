"""HTTP/1.1 as uvicorn speaks it, with a shorter way for the requests that are all but a few: inference.

Recognised by its request line and headers, such a request never becomes an ASGI cycle: `HotWay` takes its body to the
batcher, and its reply is written once. Whatever is unusual about a request (chunked, compressed, an unknown path, no
model yet) sends it uvicorn's own way to FastAPI, which answers the same: a test compares both, byte for byte.
"""

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from penstock_predictor.errors import BadRequest, HeadTooLarge, RequestError
from penstock_predictor.http.asgi_reply import AsgiReply
from penstock_predictor.http.exchange import REQUEST_ID
from penstock_predictor.http.gathering import GatheringTransport
from penstock_predictor.http.head import Head
from penstock_predictor.http.hot_way import HotWay
from penstock_predictor.http.intake import Intake
from penstock_predictor.http.reply import refusal
from penstock_predictor.tracing.trace import TRACE_PARENT, without_trace_parent

if TYPE_CHECKING:
    from penstock_predictor.http.hot_exchange import HotExchange

MAX_HEAD_BYTES = 65536
"""Of request line and headers together."""
_UNUSUAL = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade"})
"""A request with one of these goes uvicorn's way."""
_OFFER = frozenset({b"upgrade", b"http2-settings"})
"""Headers, and words of `Connection`, that offer another protocol."""


class PredictorProtocol(HttpToolsProtocol):
    """One connection."""

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
        self._hot: HotWay | None = None
        """Once there is a connection."""
        self._arrived: HotExchange | None = None
        """The last whose body the parser completed in what arrived last."""
        self._chunks: list[bytes] = []
        """Of the body that the parser reads for the hot way."""
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
        self._idle_timer: asyncio.TimerHandle | None = None

    # -- the connection

    @property
    def hot(self) -> HotWay:
        """Of the connection that there is."""
        if self._hot is None:
            raise AssertionError("there is no connection")
        return self._hot

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        gathering = GatheringTransport(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", gathering))
        self._hot = HotWay(self._intake, self, gathering)
        self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        super().connection_lost(exc)
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self.hot.hung_up()

    def _close_if_idle(self) -> None:
        """One timer a connection, which looks when it last had work: uvicorn's own, one a reply, costs more."""
        left = self.hot.active_at + self.timeout_keep_alive - time.monotonic()
        busy = self.hot.owed or self._in_asgi()
        if left <= 0 and not busy:
            self.transport.close()
        else:
            self._idle_timer = self.loop.call_later(max(left, 1.0), self._close_if_idle)

    def shutdown(self) -> None:
        """Called by the server when it stops: what is owed is still answered, then the connection closes."""
        if self.hot.owed and not self.pipeline:
            self.hot.owed[-1].keep_alive = False
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
        rest = self.hot.take(data)
        if not rest:
            return
        if self.hot.at_rest:
            self._read_first(rest)
        else:
            self._read(rest)

    def _read_first(self, data: bytes) -> None:
        """Read what begins a message by the parser, and remember its head."""
        self._read(data)
        known_heads, arrived, arriving = self._intake.known_heads, self._arrived, self.hot.arriving
        if self._runtime.tracer is not None:
            data, _ = without_trace_parent(data)
        if arrived is not None and self._between_messages:
            known_heads.keep(data, arrived.head, arrived.request_id, arrived.body)
        elif arriving is not None and arriving.refused is None:
            known_heads.keep(data, arriving.head, arriving.request_id, b"".join(self._chunks))

    def _read(self, data: bytes) -> None:
        self._arrived = None
        self._head_began = False
        self._piece_bytes = len(data)
        self._parse(data)
        if self._in_head and not self._head_began:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_connection(_head_too_large())
        else:
            self.hot.await_body()
        self._note_rest()

    def _note_rest(self) -> None:
        self.hot.at_rest = self._between_messages and not self._in_asgi()

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
        headers = dict(self.headers)
        request_id = headers.pop(REQUEST_ID, None)
        parent = None if self._runtime.tracer is None else headers.pop(TRACE_PARENT, None)
        head = self._recognise(headers)
        if head is None:
            self._begin_asgi()
        else:
            self.hot.begin(head, request_id, parent)

    def _check_head(self) -> None:
        """Raise HeadTooLarge, which stops the parser."""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD_BYTES:
            raise self._stopped(_head_too_large())

    def _stopped(self, error: RequestError) -> RequestError:
        """What a callback raises to stop the parser: this is then what the caller is told."""
        self._cause = error
        return error

    def _recognise(self, headers: dict[bytes, bytes]) -> Head | None:
        """The head of an ordinary request to the loaded model, one that need not wait for another."""
        route = self._intake.hot.get(self.url)
        if route is None or self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return None
        if self._in_asgi():
            return None
        length = headers.get(b"content-length")
        if length is None or int(length) > self._runtime.settings.max_body_bytes or not _UNUSUAL.isdisjoint(headers):
            return None
        return Head(route, headers, int(length), keep_alive=self.parser.should_keep_alive())

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
        if self.hot.owed:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, app))
        else:
            super()._start_asgi_task(cycle, app)

    def start_waiting(self) -> None:
        """Called when no reply is owed any more: uvicorn's next request may be answered."""
        cycle, app = self.pipeline.pop()
        self._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        arriving = self.hot.arriving
        if arriving is None:
            super().on_body(body)
        elif arriving.refused is None:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._between_messages = not self._upgrading
        arriving = self.hot.arriving
        if arriving is None:
            if not self._upgrading:
                super().on_message_complete()
            return
        self._arrived = arriving
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self.hot.complete(body)

    def send_400_response(self, msg: str) -> None:
        """Called for what is no HTTP. In our one form of refusals, behind what is owed."""
        self._refuse_connection(self._cause or BadRequest(f"this is no valid HTTP/1.1 request: {msg}"))

    def _refuse_connection(self, error: RequestError) -> None:
        """Answer, and read nothing more: where the next request begins is unknown."""
        self.hot.deaf = True
        if not self._in_asgi() or self._end_asgi(error):
            self.hot.refuse(error)

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
        self.hot.active_at = time.monotonic()
        super().on_response_complete()
        self._unset_keepalive_if_required()  # the idle timer is ours
        self._note_rest()
        if self._last_words is not None and not self._in_asgi():
            self._refuse_connection(self._last_words)

    def _in_asgi(self) -> bool:
        """Whether uvicorn has a request of this connection that is not answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete


def _head_too_large() -> HeadTooLarge:
    return HeadTooLarge(f"request line and headers are larger than {MAX_HEAD_BYTES} bytes")
