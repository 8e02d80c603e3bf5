"""One HTTP/1.1 connection: it has one queue of requests, and replies leave in their order.

A request is answered on the fast path or by the ASGI application. The fast path takes what is all but a few, inference
that its request line and headers show to be plain: its body goes to the batcher as soon as it is here, and its reply is
one write. Whatever is unusual about a request (chunked, compressed, an unknown path, no model yet) goes to FastAPI,
which answers the same: a test compares both, byte for byte.

The one rule of order: a fast request is computed at once, and its reply is written when its turn comes; a request for
the application is given to it when its turn comes.
"""

import asyncio
import time
from collections import deque
from typing import Any, Final, Protocol

from uvicorn.config import Config

from penstock_predictor.errors import BadRequest, BodyTimeout, ClientGone, RequestError
from penstock_predictor.http.asgi_cycle import MOST_UNREAD, AsgiApp, AsgiCycle, asgi_scope
from penstock_predictor.http.body import LONG_REST, BodyBuffer, BodyDrain, BodyReceiver
from penstock_predictor.http.dispatcher import Dispatcher
from penstock_predictor.http.exchange import REQUEST_ID, SHADOW, FastExchange, ReplyChannel
from penstock_predictor.http.reply import Header, Reply, refusal
from penstock_predictor.http.request_head import FoundHead, RequestHead
from penstock_predictor.http.request_parser import ParsedHead, RequestParser
from penstock_predictor.tracing.trace import TRACE_PARENT, without_trace_parent

_MOST_QUEUED: Final = 64
"""Requests of one connection that are not answered, from which on its next ones are left unread."""
_UNUSUAL: Final = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade"})
"""A request with one of these goes to the application."""


class ServerState(Protocol):
    """What uvicorn's server shares with its connections."""

    connections: set[Any]
    """The open ones: uvicorn calls `shutdown` of each when it stops, and waits until none is left."""
    tasks: set["asyncio.Task[None]"]
    """What else it waits for."""
    total_requests: int
    default_headers: list[Header]
    """Such as the date; another list each second."""


class HttpConnection(ReplyChannel):
    """What the event loop calls a protocol. It has no base of asyncio's: a class compiled below one is much slower."""

    _transport: asyncio.Transport
    """From `connection_made` on."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        app: AsgiApp,
        dispatcher: Dispatcher,
    ) -> None:
        """Called by uvicorn for each connection; all but the last two are its own."""
        self._app = app
        self._app_state = app_state
        self._dispatcher = dispatcher
        self._runtime = dispatcher.runtime
        self._metrics = dispatcher.runtime.metrics
        self._tracer = dispatcher.runtime.tracer
        self._max_body_bytes = dispatcher.runtime.settings.max_body_bytes
        self._server = server_state
        self._loop: asyncio.AbstractEventLoop = _loop or asyncio.get_running_loop()
        self._parser = RequestParser(self)
        self._queue: deque[FastExchange | AsgiCycle] = deque()
        """Requests that are not answered, in their order."""
        self._arriving: FastExchange | None = None
        """Its head is here, its body is not."""
        self._fast_head: RequestHead | None = None
        """Of the last request on the fast path."""
        self._chunks: list[bytes] = []
        """Of its body, as the parser reads it."""
        self._buffer: BodyBuffer | BodyDrain | None = None
        """For its body, where that arrives past the parser."""
        self._has_receiver = False
        """Whether a `BodyReceiver` reads what arrives."""
        self._body_timer: asyncio.TimerHandle | None = None
        self._parsed: FastExchange | None = None
        """The last whose body the parser completed in what arrived last."""
        self._cycle: AsgiCycle | None = None
        """The one whose body is arriving."""
        self._unstarted = 0
        """Requests for the application whose turn has not come."""
        self._deaf = False
        """Whether what still arrives is passed over: nothing after it can be understood, or will be answered."""
        self._write_paused = False
        self._read_paused = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._keep_alive_seconds = float(config.timeout_keep_alive)
        self._idle_timer: asyncio.TimerHandle | None = None
        self.active_at = time.monotonic()
        """When there last was work."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Called by the event loop."""
        self._transport = transport
        self._server.connections.add(self)
        self._idle_timer = self._loop.call_later(self._keep_alive_seconds, self.close_if_idle)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Called by the event loop. What is computed for this caller goes on; nobody reads it."""
        self._server.connections.discard(self)
        self._deaf = True
        self._parser.close()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        if self._arriving is not None:
            self._give_up(self._arriving, ClientGone("the caller hung up before its body was complete"))
        for request in self._queue:
            if not isinstance(request, FastExchange):
                request.disconnect()
        self._queue.clear()
        self._cycle = None
        self._writable.set()

    def eof_received(self) -> bool | None:
        """Called by the event loop, which then closes the connection: a caller that has ended it reads nothing."""
        return None

    def shutdown(self) -> None:
        """Called by the server when it stops: what is in the queue is answered, then the connection closes."""
        if not self._queue:
            self._transport.close()
            return
        self._queue[-1].keep_alive = False
        self._deaf = self._arriving is None and self._cycle is None

    def close_if_idle(self) -> None:
        """One timer a connection, which looks when it last had work: one for each reply costs more."""
        left = self.active_at + self._keep_alive_seconds - time.monotonic()
        if left <= 0 and not self._queue:
            self._transport.close()
        else:
            self._idle_timer = self._loop.call_later(max(left, 1.0), self.close_if_idle)

    def pause_writing(self) -> None:
        """Called by the event loop: the caller does not read its replies. No further requests are taken from it."""
        self._write_paused = True
        self._writable.clear()
        self.pace_reading()

    def resume_writing(self) -> None:
        """Called by the event loop: the caller reads again."""
        self._write_paused = False
        self._writable.set()
        self.pace_reading()

    def pace_reading(self) -> None:
        """Read no further while too much of what was read is not taken, or not answered, or its answers not read."""
        cycle = self._cycle
        pause = (
            self._write_paused
            or self._unstarted > 0
            or len(self._queue) >= _MOST_QUEUED
            or (cycle is not None and cycle.unread > MOST_UNREAD)
        )
        if pause == self._read_paused or self._transport.is_closing():
            return
        self._read_paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        rest = self._take(data)
        if rest:
            self._parse(rest)

    def _take(self, data: bytes) -> bytes:
        """Take what arrived as far as it needs no parser; return what does."""
        if self._deaf:
            return b""
        if self._buffer is not None:
            return self._fill_buffer(self._buffer, memoryview(data))
        if not self._parser.between_messages:
            return data
        if self._tracer is not None:
            return self._take_traced(data)
        known = self._dispatcher.known_heads.find(data)
        return data if known is None else self._take_known(data, known)

    def _take_traced(self, data: bytes) -> bytes:
        shortened, parent = without_trace_parent(data)
        known = self._dispatcher.known_heads.find(shortened)
        if known is None:
            return data
        rest = self._take_known(shortened, known, parent)
        return data if rest is shortened else rest

    def _take_known(self, data: bytes, known: FoundHead, parent: bytes | None = None) -> bytes:
        head, request_id, end = known
        missing = head.length - (len(data) - end)
        if missing < 0:
            return data
        exchange = self._begin(head, request_id, parent)
        if missing == 0:
            self._complete(exchange, data[end:])
            return b""
        refused = exchange.refused_with is not None
        self._buffer = BodyDrain(head.length) if refused else BodyBuffer(head.length, head.json_length)
        return self._fill_buffer(self._buffer, memoryview(data)[end:])

    def _fill_buffer(self, buffer: BodyBuffer | BodyDrain, data: memoryview) -> bytes:
        rest = buffer.add(data)
        if not buffer.complete:
            self._await_body()
            if not self._has_receiver and isinstance(buffer, BodyBuffer) and len(buffer.room) >= LONG_REST:
                self._has_receiver = True
                self._transport.set_protocol(BodyReceiver(self))
            return b""
        self._end_buffer(buffer.body)
        return self._take(bytes(rest)) if rest else b""

    def room(self) -> memoryview | None:
        """Where what arrives next belongs; None where it is no part of a body that is kept."""
        buffer = self._buffer
        return buffer.room if isinstance(buffer, BodyBuffer) else None

    def fill(self, size: int) -> None:
        """So many bytes were written there."""
        buffer = self._buffer
        if not isinstance(buffer, BodyBuffer):
            return  # its time ended between
        buffer.fill(size)
        if buffer.complete:
            self._end_buffer(buffer.body)

    def _end_buffer(self, body: bytes | memoryview) -> None:
        self._buffer = None
        if self._arriving is None:
            raise AssertionError("a body arrived that belongs to no request")
        self._complete(self._arriving, body)

    def _parse(self, data: bytes) -> None:
        """Read by the parser, and remember the head of a message that begins the data."""
        first = self._parser.between_messages
        try:
            self._parser.read(data)
        except RequestError as error:
            self._refuse(error)
        else:
            self._await_body()
            if first:
                self._remember_head(data)
        self._parsed = None  # it holds a body, and this connection

    def _remember_head(self, data: bytes) -> None:
        known_heads, head = self._dispatcher.known_heads, self._fast_head
        parsed, arriving = self._parsed, self._arriving
        if head is None:
            return
        if self._tracer is not None:
            data, _ = without_trace_parent(data)
        if parsed is not None and self._parser.between_messages:
            known_heads.keep(data, head, parsed.request_id, parsed.body)
        elif arriving is not None and arriving.refused_with is None:
            known_heads.keep(data, head, arriving.request_id, b"".join(self._chunks))

    def begin_request(self, head: ParsedHead) -> None:
        """Called by the parser: here the ways part."""
        if self._deaf:
            raise BadRequest("it follows the last request of its connection")  # nobody is told: it is passed over
        headers = dict(head.headers)
        request_id = headers.pop(REQUEST_ID, None)
        parent = None if self._tracer is None else headers.pop(TRACE_PARENT, None)
        fast = self._plain_head(head, headers)
        if fast is None:
            self._begin_cycle(head)
        else:
            self._begin(fast, request_id, parent)

    def _plain_head(self, head: ParsedHead, headers: dict[bytes, bytes]) -> RequestHead | None:
        """The head of an ordinary request to the loaded model."""
        route = self._dispatcher.fast_routes.get(head.url)
        if route is None or head.method != b"POST" or head.version != "1.1":
            return None
        length = headers.get(b"content-length")
        if length is None or int(length) > self._max_body_bytes or not _UNUSUAL.isdisjoint(headers):
            return None
        return RequestHead(route, headers, int(length), keep_alive=head.keep_alive)

    def add_body(self, data: bytes) -> None:
        """Called by the parser."""
        if self._arriving is not None:
            if self._arriving.refused_with is None:
                self._chunks.append(data)
        elif self._cycle is not None:
            self._cycle.add_body(data)
            self.pace_reading()

    def end_request(self) -> None:
        """Called by the parser."""
        exchange, cycle = self._arriving, self._cycle
        if exchange is not None:
            self._parsed = exchange
            body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
            self._chunks = []
            self._complete(exchange, body)
        elif cycle is not None:
            self._cycle = None
            self._deaf = not cycle.keep_alive
            cycle.end_body()

    def _begin(self, head: RequestHead, request_id: bytes | None, parent: bytes | None) -> FastExchange:
        """A head is here; its body is next. `parent`: the request's trace context, where requests are traced."""
        time_limit = self._dispatcher.time_limit
        exchange = FastExchange(self, head.route, head.headers, request_id, time_limit, keep_alive=head.keep_alive)
        if parent is not None and self._tracer is not None:
            shadow = SHADOW in head.headers
            exchange.trace = self._tracer.begin(parent, exchange.started, request_id, shadow=shadow)
        self._arriving = exchange
        self._fast_head = head
        self._queue.append(exchange)
        try:
            if head.timeout_ms is not None:
                exchange.deadline = self._dispatcher.deadline(head.timeout_ms, now=exchange.started)
            self._runtime.enter(head.length)
            exchange.size = head.length
        except RequestError as error:
            exchange.refuse(error)
        return exchange

    def _complete(self, exchange: FastExchange, body: bytes | memoryview) -> None:
        """Its body is here."""
        self._arriving = None
        self._end_body_timer()
        exchange.body = body
        if not exchange.keep_alive:
            self._deaf = True
        if len(self._queue) >= _MOST_QUEUED:
            self.pace_reading()
        if exchange.refused_with is None:
            self._dispatcher.dispatch(exchange.route, exchange)
        else:
            exchange.answer(refusal(exchange.refused_with))

    def _await_body(self) -> None:
        """More of the body is to arrive, within the request's time."""
        if self._body_timer is None and self._arriving is not None:
            self._body_timer = self._loop.call_later(self._arriving.deadline.left, self._refuse_late_body)

    def _end_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _refuse_late_body(self) -> None:
        self._body_timer = None
        exchange = self._arriving
        if exchange is not None:
            exchange.keep_alive = False
            self._deaf = True
            self._give_up(exchange, BodyTimeout(f"the body did not arrive within {exchange.deadline.seconds:g} s"))

    def _give_up(self, exchange: FastExchange, error: RequestError) -> None:
        """End a request whose body is not complete."""
        self._arriving = None
        self._buffer = None
        self._end_body_timer()
        if exchange.refused_with is None:
            self._runtime.admission.leave(exchange.size)
        exchange.answer(refusal(error))

    def _refuse(self, error: RequestError) -> None:
        """Answer what cannot be understood, as the last on this connection."""
        if self._deaf:
            return
        self._deaf = True
        cycle, self._cycle = self._cycle, None
        if (
            cycle is not None and not cycle.complete
        ):  # its body is what cannot be understood: it is the last in the queue
            self._queue.pop()
            if not cycle.started:
                self._unstarted -= 1
            cycle.disconnect()
            if cycle.responding:
                self._transport.close()
                return
        no_route, time_limit = self._dispatcher.no_route, self._dispatcher.time_limit
        exchange = FastExchange(self, no_route, {}, None, time_limit, keep_alive=False)
        self._queue.append(exchange)
        exchange.answer(refusal(error))

    def take_reply(self, exchange: FastExchange, reply: Reply) -> None:
        """Write a reply when its turn comes."""
        self.active_at = now = time.monotonic()
        exchange.reply = reply
        label = exchange.route.label
        self._metrics.count_answer(route=label, code=reply.status, seconds=now - exchange.started)
        if exchange.trace is not None and self._tracer is not None:
            self._tracer.end(exchange.trace, label, reply.status, now)
        self._take_turns()

    def _take_turns(self) -> None:
        """Write replies that are there, and give the application the next request."""
        queue = self._queue
        while queue:
            first = queue[0]
            if isinstance(first, FastExchange):
                reply = first.reply
                if reply is None:
                    break
                queue.popleft()
                self._write_reply(first, reply)
            else:
                if not first.started:
                    self._unstarted -= 1
                    self._start(first)
                break
        if self._read_paused:
            self.pace_reading()

    def _write_reply(self, exchange: FastExchange, reply: Reply) -> None:
        if self._transport.is_closing():
            return
        close = not exchange.keep_alive or self._drains()
        server = self._server
        server.total_requests += 1
        heads = self._dispatcher.heads
        self._transport.write(heads.write(reply, server.default_headers, exchange.request_id, close=close))
        if close:
            self._close()

    def _drains(self) -> bool:
        """Draining, a connection ends behind all that was sent before the caller knew."""
        return self._runtime.lifecycle.draining and not self._queue

    def _close(self) -> None:
        self._deaf = True
        self._queue.clear()
        self._transport.close()

    def _begin_cycle(self, head: ParsedHead) -> None:
        transport = self._transport
        scope = asgi_scope(head) | {
            "server": transport.get_extra_info("sockname"),
            "client": transport.get_extra_info("peername"),
            "scheme": "https" if transport.get_extra_info("sslcontext") else "http",
            "state": self._app_state.copy(),
        }
        self._cycle = cycle = AsgiCycle(self._app, scope, self, head)
        self._queue.append(cycle)
        if len(self._queue) == 1:
            self._start(cycle)
        else:
            self._unstarted += 1
            self.pace_reading()

    def _start(self, cycle: AsgiCycle) -> None:
        cycle.started = True
        tasks = self._server.tasks
        task = self._loop.create_task(cycle.run())
        task.add_done_callback(tasks.discard)
        tasks.add(task)

    @property
    def server_headers(self) -> list[Header]:
        """Of the server, for each response."""
        return self._server.default_headers

    def write(self, data: bytes) -> None:
        """Send bytes of the response whose turn it is."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def abort(self) -> None:
        """A response cannot be completed."""
        self._close()

    async def writable(self) -> None:
        """Wait while the caller does not read what it was sent."""
        if self._write_paused:
            await self._writable.wait()

    def closes_behind(self, cycle: AsgiCycle) -> bool:
        """Whether the connection ends with its response."""
        return not cycle.keep_alive or (self._runtime.lifecycle.draining and len(self._queue) == 1)

    def end_cycle(self, cycle: AsgiCycle) -> None:
        """Its response is complete."""
        self.active_at = time.monotonic()
        self._server.total_requests += 1
        if not cycle.keep_alive:
            self._close()
        elif self._queue:
            self._queue.popleft()
            self._take_turns()
