"""The hot way of one connection: requests whose heads were read before, bodies in pieces, replies in their turn."""

import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from penstock_predictor.errors import BodyTimeout, ClientGone, RequestError
from penstock_predictor.http.body_buffer import BodyBuffer, BodyDrain
from penstock_predictor.http.body_receiver import LONG_REST, BodyReceiver
from penstock_predictor.http.exchange import SHADOW
from penstock_predictor.http.gathering import GatheringTransport
from penstock_predictor.http.head import Found, Head
from penstock_predictor.http.hot_exchange import Connection, HotExchange
from penstock_predictor.http.intake import Intake
from penstock_predictor.http.reply import Reply, refusal
from penstock_predictor.tracing.trace import without_trace_parent

if TYPE_CHECKING:
    import asyncio

_MOST_OWED: Final = 64
"""Replies owed on one connection before its next requests are left unread."""


class HotWay(Connection):
    """Beside uvicorn's protocol, which reads everything else and says when both are between two messages."""

    def __init__(self, intake: Intake, protocol: Any, transport: GatheringTransport) -> None:
        """`protocol`: uvicorn's, which has its connection."""
        self._intake = intake
        self._runtime = intake.runtime
        self._metrics = intake.runtime.metrics
        self._tracer = intake.runtime.tracer
        self._protocol = protocol
        self._flow = protocol.flow
        self._server = protocol.server_state
        self._waiting: deque[Any] = protocol.pipeline
        """Uvicorn's requests behind what is owed here."""
        self._loop: asyncio.AbstractEventLoop = protocol.loop
        self._transport = transport
        self.at_rest = True
        """Whether what arrives next begins a message, and uvicorn has none of this connection that is not answered."""
        self.deaf = False
        """Whether what still arrives is passed over: nothing after it can be understood, or answered."""
        self.arriving: HotExchange | None = None
        """Its head is here, its body is not."""
        self.owed: deque[HotExchange] = deque()
        self.active_at = time.monotonic()
        """When there last was work."""
        self._buffer: BodyBuffer | BodyDrain | None = None
        """Of a request that arrives past the parser."""
        self._has_receiver = False
        """Whether a `BodyReceiver` reads what arrives."""
        self._body_timer: asyncio.TimerHandle | None = None
        self._crowded = False
        """Whether reading was paused because so much is owed."""

    def take(self, data: bytes) -> bytes:
        """Take what arrived as far as it can be read here; return what the parser has to read."""
        if self.deaf:
            return b""
        if self._buffer is not None:
            return self._fill(self._buffer, memoryview(data))
        if self._tracer is not None and self.at_rest:
            return self._take_traced(data)
        known = self._intake.known_heads.find(data) if self.at_rest else None
        return data if known is None else self._take_known(data, known)

    def _take_traced(self, data: bytes) -> bytes:
        shortened, parent = without_trace_parent(data)
        known = self._intake.known_heads.find(shortened)
        if known is None:
            return data
        rest = self._take_known(shortened, known, parent)
        return data if rest is shortened else rest

    def _take_known(self, data: bytes, known: Found, parent: bytes | None = None) -> bytes:
        head, request_id, end = known
        missing = head.length - (len(data) - end)
        if missing < 0:
            return data
        exchange = self.begin(head, request_id, parent)
        if missing == 0:
            self.complete(data[end:])
            return b""
        refused = exchange.refused is not None
        self._buffer = BodyDrain(head.length) if refused else BodyBuffer(head.length, head.json_length)
        return self._fill(self._buffer, memoryview(data)[end:])

    def _fill(self, buffer: BodyBuffer | BodyDrain, data: memoryview) -> bytes:
        rest = buffer.add(data)
        if not buffer.complete:
            self.await_body()
            if not self._has_receiver and isinstance(buffer, BodyBuffer) and len(buffer.room) >= LONG_REST:
                self._has_receiver = True
                self._transport.set_protocol(BodyReceiver(self, self._protocol))
            return b""
        self._buffer = None
        self.complete(buffer.body)
        return self.take(bytes(rest)) if rest else b""

    def room(self) -> memoryview | None:
        """Where what arrives next belongs; None where it is no part of a body that is kept."""
        buffer = self._buffer
        return buffer.room if isinstance(buffer, BodyBuffer) else None

    def filled(self, size: int) -> None:
        """So many bytes were written there."""
        buffer = self._buffer
        if not isinstance(buffer, BodyBuffer):
            return  # its time ended between
        buffer.fill(size)
        if buffer.complete:
            self._buffer = None
            self.complete(buffer.body)

    def begin(self, head: Head, request_id: bytes | None, parent: bytes | None = None) -> HotExchange:
        """A head is here; its body is next. `parent`: the request's trace context, where requests are traced."""
        exchange = HotExchange(self, head, request_id, self._intake.time_limit)
        if parent is not None and self._tracer is not None:
            shadow = SHADOW in head.headers
            exchange.trace = self._tracer.begin(parent, exchange.started, request_id, shadow=shadow)
        self.arriving = exchange
        self.owed.append(exchange)
        try:
            if head.timeout_ms is not None:
                exchange.deadline = self._intake.deadline(head.timeout_ms, now=exchange.started)
            self._runtime.enter(head.length)
            exchange.size = head.length
        except RequestError as error:
            exchange.refuse(error)
        return exchange

    def complete(self, body: bytes | memoryview) -> None:
        """The body of what arrives is here."""
        exchange = self.arriving
        if exchange is None:
            raise AssertionError("a body arrived that belongs to no request")
        self.arriving = None
        self._end_body_timer()
        exchange.body = body
        if len(self.owed) >= _MOST_OWED:
            self._crowded = True
            self._flow.pause_reading()
        if exchange.refused is None:
            self._intake.begin(exchange.head.route, exchange)
        else:
            exchange.answer(refusal(exchange.refused))

    def await_body(self) -> None:
        """More of the body is to arrive, within the request's time."""
        if self._body_timer is None and self.arriving is not None:
            self._body_timer = self._loop.call_later(self.arriving.deadline.left, self._body_is_late)

    def _end_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _body_is_late(self) -> None:
        self._body_timer = None
        exchange = self.arriving
        if exchange is not None:
            exchange.keep_alive = False
            self.deaf = True
            self._give_up(exchange, BodyTimeout(f"the body did not arrive within {exchange.deadline.seconds:g} s"))

    def hung_up(self) -> None:
        """The connection is gone. What is computed for this caller goes on; nobody reads it."""
        self._protocol = None  # which holds this: a cycle would keep both until the next collection
        if self.arriving is not None:
            self._give_up(self.arriving, ClientGone("the caller hung up before its body was complete"))

    def _give_up(self, exchange: HotExchange, error: RequestError) -> None:
        """End a request whose body is not complete."""
        self.arriving = None
        self._buffer = None
        self._end_body_timer()
        if exchange.refused is None:
            self._runtime.admission.leave(exchange.size)
        exchange.answer(refusal(error))

    def refuse(self, error: RequestError) -> None:
        """Answer what cannot be understood, behind what is owed, as the last on this connection."""
        exchange = HotExchange(self, self._intake.no_head, None, self._intake.time_limit)
        self.owed.append(exchange)
        exchange.answer(refusal(error))

    # -- what goes out

    def owed_reply(self, exchange: HotExchange, reply: Reply) -> None:
        """Write a reply when it is its turn."""
        self.active_at = now = time.monotonic()
        exchange.reply = reply
        self._metrics.count_answer(route=exchange.head.route.label, code=reply.status, seconds=now - exchange.started)
        if exchange.trace is not None and self._tracer is not None:
            self._tracer.end(exchange.trace, exchange.head.route.label, reply.status, now)
        owed = self.owed
        while owed:
            first = owed[0]
            if first.reply is None:
                break
            owed.popleft()
            self._write(first, first.reply)
        if self._crowded or self._waiting:
            self._go_on()

    def _write(self, exchange: HotExchange, reply: Reply) -> None:
        if self._transport.is_closing():
            return
        # Draining, the connection ends behind all that was sent before the caller knew.
        close = not exchange.keep_alive or (self._runtime.lifecycle.draining and not self.owed and not self._waiting)
        self._server.total_requests += 1
        defaults = self._server.default_headers
        self._transport.write_whole(self._intake.heads.write(reply, defaults, exchange.request_id, close=close))
        if close:
            self.owed.clear()
            self._transport.close()

    def _go_on(self) -> None:
        """With uvicorn's requests that waited for the replies before them, or with what is still unread."""
        if self._transport.is_closing():
            return
        if self._waiting:
            if not self.owed:
                self._protocol.start_waiting()
        elif len(self.owed) < _MOST_OWED and not self._flow.write_paused:
            self._crowded = False
            self._flow.resume_reading()
