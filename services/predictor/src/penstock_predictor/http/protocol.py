"""HTTP/1.1 as uvicorn speaks it, with a shorter way for the requests that are all but a few: inference.

Recognised by its request line and headers, such a request never becomes an ASGI cycle: its body goes to the batcher
from here, and its reply is written once. Whatever is unusual about a request (chunked, compressed, an unknown path, no
model yet) sends it uvicorn's own way to FastAPI, which answers the same: a test compares both, byte for byte.
"""

import asyncio
import time
from collections import deque
from typing import Any, cast

from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from penstock_predictor.errors import BadRequest, BodyTimeout, ClientGone, HeadTooLarge, RequestError
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
        self._owed: deque[HotExchange] = deque()
        self._head_bytes = 0
        self._in_head = False
        self._head_began = False
        self._between_messages = True
        """Whether the parser has read the last message to its end, and nothing of the next."""
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
        if self._owed:
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
        if not self._between_messages:
            self._parse(data)
            return
        known = None if self._in_asgi() else self._intake.known_heads.find(data)
        if known is not None and len(data) - known[1] == known[0].length:
            self._unset_keepalive_if_required()
            self._begin_hot(known[0])
            self._complete(data[known[1] :])
            return
        self._arrived = None
        self._parse(data)
        if self._arrived is not None and self._between_messages:
            self._intake.known_heads.keep(data, self._arrived.head, self._arrived.body)

    def _parse(self, data: bytes) -> None:
        self._head_began = False
        super().data_received(data)
        if self._in_head and not self._head_began:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_connection(
                    HeadTooLarge(f"request line and headers are larger than {MAX_HEAD_BYTES} bytes")
                )
        elif self._arriving is not None and self._body_timer is None:
            self._body_timer = self.loop.call_later(self._arriving.deadline.left, self._body_is_late)

    def on_message_begin(self) -> None:
        """Called by the parser. The ASGI scope is made only for a request that needs one."""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False
        self._in_head = self._head_began = True
        self._head_bytes = 0
        self._between_messages = False

    def on_headers_complete(self) -> None:
        """Called by the parser: here the ways part."""
        self._in_head = False
        head = self._recognise()
        if head is None:
            self._begin_asgi()
        else:
            self._begin_hot(head)

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

    def _begin_hot(self, head: Head) -> None:
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

    def _begin_asgi(self) -> None:
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
        self._between_messages = not self.parser.should_upgrade()  # after an upgrade it reads no HTTP any more
        if self._arriving is None:
            super().on_message_complete()
            return
        self._arrived = self._arriving
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        self._complete(body)

    def _complete(self, body: bytes) -> None:
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
        self._arriving = None
        self._chunks = []
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        if exchange.refused is None:
            self._runtime.admission.leave(exchange.size)
        exchange.answer(refusal(error))

    def send_400_response(self, msg: str) -> None:
        """Called for what is no HTTP. In our one form of refusals, behind what is owed."""
        self._refuse_connection(BadRequest(f"this is no valid HTTP/1.1 request: {msg}"))

    def _refuse_connection(self, error: RequestError) -> None:
        """Answer, and read nothing more: where the next request begins is unknown."""
        self._deaf = True
        if self._in_asgi():
            self.cycle.keep_alive = False  # uvicorn answers it and closes; what came behind it gets no answer
            return
        exchange = HotExchange(self, self._intake.no_head, self._intake.time_limit)
        self._owed.append(exchange)
        exchange.answer(refusal(error))

    def _in_asgi(self) -> bool:
        """Whether uvicorn has a request of this connection that is not answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    # -- what goes out

    def owed_reply(self, exchange: HotExchange, reply: Reply) -> None:
        """Write a reply when it is its turn."""
        runtime = self._runtime
        self._active_at = now = time.monotonic()
        if runtime.lifecycle.draining:
            exchange.keep_alive = False
        exchange.out = self._intake.heads.write(
            reply, self.server_state.default_headers, exchange.head.request_id, close=not exchange.keep_alive
        )
        runtime.metrics.answered(route=exchange.head.route.label, code=reply.status, seconds=now - exchange.started)
        owed = self._owed
        while owed and owed[0].out is not None:
            self._write(owed.popleft())
        if not owed:
            self._nothing_owed()

    def _write(self, exchange: HotExchange) -> None:
        if self.transport.is_closing():
            return
        self.server_state.total_requests += 1
        self.transport.write_whole(cast("bytes", exchange.out))
        if not exchange.keep_alive:
            self._owed.clear()
            self.transport.close()

    def _nothing_owed(self) -> None:
        if self.pipeline:
            if not self.transport.is_closing():
                cycle, app = self.pipeline.pop()
                self._start_asgi_task(cycle, app)
        elif self.flow.read_paused and not self.flow.write_paused and not self.transport.is_closing():
            self.flow.resume_reading()
