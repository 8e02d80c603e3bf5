"""One keep-alive HTTP/1.1 connection: a request is written to it once, and ends in one answer or one failure word."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import httptools

MAX_BODY_BYTES = 1 << 20


class Failure(StrEnum):
    """Why a request failed. The words are what results and reports show."""

    NO_CONNECTION = "no connection"
    """None could be had before the request's deadline; nothing was written."""
    CONNECTION_LOST = "connection lost"
    """Closed or reset after the request was written and before its answer was complete."""
    PAST_DEADLINE = "past deadline"
    """No complete answer at the deadline, counted from the scheduled send time."""
    NOT_HTTP = "not a valid HTTP answer"
    """Also an answer with a body over MAX_BODY_BYTES."""
    NOT_2XX = "not 2xx"
    WRONG_ANSWER = "wrong answer"
    """2xx in time, but not what any version under test computes for this request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficAnswer:
    """How one request ended."""

    ended: float
    """Monotonic seconds: the last byte of the answer, or the failure."""
    failure: Failure | None = None
    status: int = 0
    """0: no status line was read."""
    headers: dict[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""


class TrafficConnection(asyncio.Protocol):
    """Not for use by two requests at once. `usable` tells whether another request may be written."""

    def __init__(self, *, clock: Callable[[], float], on_lost: Callable[["TrafficConnection"], None]) -> None:
        self._clock = clock
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._pending: asyncio.Future[TrafficAnswer] | None = None
        self._deadline = 0.0
        self._keep_alive = True
        self._forget_answer()
        self.local_port = 0
        self.answers = 0
        """Complete answers read so far."""

    @property
    def usable(self) -> bool:
        """Whether it is open, idle and kept alive by both sides."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self._keep_alive and self._pending is None

    async def exchange(self, request: bytes, *, deadline: float) -> TrafficAnswer:
        """Write `request` once and wait for its answer until `deadline`, in the clock's seconds. Never raises."""
        if self._transport is None or not self.usable:
            return TrafficAnswer(ended=self._clock(), failure=Failure.CONNECTION_LOST)
        loop = asyncio.get_running_loop()
        self._pending, self._deadline = loop.create_future(), deadline
        self._forget_answer()
        timer = loop.call_later(deadline - self._clock(), self._end, Failure.PAST_DEADLINE)
        self._transport.write(request)
        try:
            return await self._pending
        finally:
            timer.cancel()
            self._pending = None

    def close(self) -> None:
        """Drop it now, without a word to whoever waits on it."""
        if self._transport is not None:
            self._transport.abort()

    def _forget_answer(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    def _end(self, failure: Failure | None) -> None:
        if self._pending is None or self._pending.done():
            return
        now = self._clock()
        if failure is None and now > self._deadline:
            failure = Failure.PAST_DEADLINE
        headers, body = dict(self._headers), bytes(self._body)
        self._pending.set_result(
            TrafficAnswer(ended=now, failure=failure, status=self._status, headers=headers, body=body)
        )
        if failure is not None:
            self._keep_alive = False
            self.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.local_port = transport.get_extra_info("sockname")[1]

    def data_received(self, data: bytes) -> None:
        if self._pending is None or self._pending.done():
            # Bytes that nobody asked for, such as a 408 before an idle close: the connection is of no more use.
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end(Failure.NOT_HTTP)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(Failure.CONNECTION_LOST)
        self._on_lost(self)

    # httptools callbacks

    def on_message_begin(self) -> None:
        if self._pending is None or self._pending.done():
            self._keep_alive = False  # a second answer to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > MAX_BODY_BYTES:
            self._end(Failure.NOT_HTTP)

    def on_message_complete(self) -> None:
        if 100 <= self._status < 200:
            self._forget_answer()
            return
        self.answers += 1
        self._keep_alive = self._keep_alive and self._parser.should_keep_alive()
        self._end(None)
