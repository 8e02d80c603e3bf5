"""HTTP/1.1 as uvicorn speaks it, with a shorter way for the requests that are all but a few: inference.

Recognised by its request line and headers, such a request never becomes an ASGI cycle: its body goes to the batcher
from here, and its reply is written once. Whatever is unusual about a request (chunked, compressed, an unknown path, no
model yet) sends it uvicorn's own way to FastAPI, which answers the same: a test compares both, byte for byte.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, cast

from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from penstock_contracts.names import HEADER_REQUEST_ID
from penstock_predictor.deadline import Deadline
from penstock_predictor.errors import BadRequest, BodyTimeout, ClientGone, HeadTooLarge, RequestError
from penstock_predictor.http.exchange import Exchange, asked_timeout
from penstock_predictor.http.gathering import GatheringTransport
from penstock_predictor.http.intake import Intake, Route
from penstock_predictor.http.reply import Reply, refusal
from penstock_predictor.metrics import UNMATCHED

MAX_HEAD_BYTES = 65536
"""Of request line and headers together."""
_MOST_OWED = 64
"""Replies owed on one connection before its next requests are left unread."""
_UNUSUAL = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade"})
"""A request with one of these goes uvicorn's way."""
_REQUEST_ID = HEADER_REQUEST_ID.encode()


class HotExchange(Exchange):
    """A request on the hot way. Replies leave a connection in the order of its requests."""

    __slots__ = ("_protocol", "keep_alive", "label", "out", "refused", "route", "started")

    def __init__(
        self,
        protocol: "PredictorProtocol",
        headers: Mapping[bytes, bytes],
        deadline: Deadline,
        *,
        label: str,
        route: Route | None,
        started: float,
        keep_alive: bool,
    ) -> None:
        super().__init__(headers, deadline)
        self._protocol = protocol
        self.label = label
        self.route = route
        self.started = started
        self.keep_alive = keep_alive
        self.refused: RequestError | None = None
        """Known before the body arrived; it is said when the body is there."""
        self.out: bytes | None = None
        """The reply as it will be written, once there is one."""

    def answer(self, reply: Reply) -> None:
        """Write it, or keep it until those before it are written."""
        self._protocol.owed_reply(self, reply)


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
        self._chunks: list[bytes] = []
        self._owed: deque[HotExchange] = deque()
        self._head_bytes = 0
        self._in_head = False
        self._head_began = False
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

    def on_headers_complete(self) -> None:
        """Called by the parser: here the ways part."""
        self._in_head = False
        exchange = self._recognise()
        if exchange is None:
            self._begin_asgi()
            return
        self._arriving = exchange
        self._owed.append(exchange)
        try:
            asked = asked_timeout(exchange.headers)
            if asked is not None:
                exchange.deadline = self._intake.deadline(asked, now=exchange.started)
            size = int(exchange.headers[b"content-length"])
            self._runtime.enter(size)
            exchange.size = size
        except RequestError as error:
            exchange.refused = error

    def _recognise(self) -> HotExchange | None:
        """An exchange for an ordinary request to the loaded model, one that need not wait for another."""
        known = self._intake.hot.get(self.url)
        if known is None or self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return None
        if self._in_asgi():
            return None
        headers = dict(self.headers)
        length = headers.get(b"content-length")
        if length is None or int(length) > self._runtime.settings.max_body_bytes or not _UNUSUAL.isdisjoint(headers):
            return None
        label, route = known
        now = time.monotonic()
        return HotExchange(
            self,
            headers,
            self._intake.deadline(now=now),
            label=label,
            route=route,
            started=now,
            keep_alive=self.parser.should_keep_alive(),
        )

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
        exchange = self._arriving
        if exchange is None:
            super().on_message_complete()
            return
        self._arriving = None
        exchange.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None
        if len(self._owed) >= _MOST_OWED:
            self.flow.pause_reading()
        if exchange.refused is not None:
            exchange.answer(refusal(exchange.refused))
        elif exchange.route is not None:
            self._intake.begin(exchange.route, exchange)

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
        now = time.monotonic()
        deadline = self._intake.deadline(now=now)
        exchange = HotExchange(self, {}, deadline, label=UNMATCHED, route=None, started=now, keep_alive=False)
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
        now = time.monotonic()
        close = not exchange.keep_alive or runtime.lifecycle.draining
        exchange.keep_alive = not close
        exchange.out = self._intake.heads.write(
            reply, self.server_state.default_headers, exchange.headers.get(_REQUEST_ID), close=close
        )
        runtime.metrics.answered(route=exchange.label, code=reply.status, seconds=now - exchange.started)
        self._active_at = now
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
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        elif not self.flow.write_paused:
            self.flow.resume_reading()
