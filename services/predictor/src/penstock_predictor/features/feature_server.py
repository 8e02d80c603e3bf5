"""Feast's own server: connections that are kept, a time-out, one more try after a reset, and a breaker."""

import asyncio
import logging
import ssl
import time
from typing import Final
from urllib.parse import urlsplit

from penstock_predictor.features.breaker import FAILURES, OPEN_SECONDS, CircuitBreaker
from penstock_predictor.features.http_connection import AnswerBroke, FeatureConnection
from penstock_predictor.features.online_answer import PATH
from penstock_predictor.features.unavailable import Cause, FeaturesUnavailable

_OK: Final = 200
_LOUD_SECONDS: Final = 60.0
"""How often one more failure is worth a line of the log."""
_CONNECT_SECONDS: Final = 5.0
"""A connection may take longer than a call has: those that come later use it."""
_SHOWN: Final = 300

_log = logging.getLogger(__name__)


class FeatureServer:
    """One server. Used on the event loop only."""

    def __init__(self, url: str, seconds: float) -> None:
        """`seconds`: within which a call is to be answered."""
        address = urlsplit(url)
        self._host = address.hostname or ""
        self._tls = ssl.create_default_context() if address.scheme == "https" else None
        self._port = address.port or (443 if self._tls else 80)
        self._head = (
            f"POST {address.path.rstrip('/')}{PATH} HTTP/1.1\r\nhost: {address.netloc.rpartition('@')[2]}\r\n"
            "content-type: application/json\r\naccept: application/json\r\ncontent-length: "
        ).encode()
        self._url = url
        self._seconds = seconds
        self._breaker = CircuitBreaker(time.monotonic)
        self._idle: list[FeatureConnection] = []
        self._connecting: set[asyncio.Task[FeatureConnection]] = set()
        self._told_at = -_LOUD_SECONDS

    def warm_up(self) -> None:
        """Begin a connection, so that the first call need not wait for one."""
        self._connect().add_done_callback(self._keep)

    async def ask(self, body: bytes, deadline: float) -> bytes:
        """POST a question; return the body of the answer. `deadline`: on the event loop's clock.

        Raises FeaturesUnavailable.
        """
        if not self._breaker.lets_through():
            raise FeaturesUnavailable(
                Cause.OPEN, f"{self._url} is not asked: {FAILURES} calls failed one after another"
            )
        try:
            answer = await self._answered(body, deadline)
        except FeaturesUnavailable as error:
            self.fail(error)
            raise
        self._breaker.succeeded()
        return answer

    def close(self) -> None:
        """Drop the connections."""
        for task in self._connecting:
            task.cancel()
        for connection in self._idle:
            connection.close()

    async def _answered(self, body: bytes, deadline: float) -> bytes:
        try:
            async with asyncio.timeout_at(deadline):
                status, answer = await self._exchange(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        except TimeoutError:
            why = f"{self._url} does not answer within {self._seconds:g} s"
            raise FeaturesUnavailable(Cause.TIMEOUT, why) from None
        except OSError as error:
            raise FeaturesUnavailable(Cause.CONNECTION, f"{self._url}: {error}") from None
        if status != _OK:
            shown = answer[:_SHOWN].decode(errors="replace")
            raise FeaturesUnavailable(Cause.STATUS, f"{self._url} answers {status}: {shown}")
        return answer

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        """On a kept connection; once more, on a new one, where that is reset: by a server that was started anew."""
        try:
            return await self._on(self._kept() or await self._new(), request)
        except AnswerBroke:
            return await self._on(await self._new(), request)

    async def _on(self, connection: FeatureConnection, request: bytes) -> tuple[int, bytes]:
        answer = await connection.exchange(request)
        if connection.usable:
            self._idle.append(connection)
        return answer

    def _kept(self) -> FeatureConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _new(self) -> FeatureConnection:
        """A new connection. It is made to its end, even where this call's time ends before: the next ones use it."""
        task = self._connect()
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._keep)
            raise

    def _connect(self) -> asyncio.Task[FeatureConnection]:
        task = asyncio.get_running_loop().create_task(self._connected())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)
        return task

    async def _connected(self) -> FeatureConnection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, connection = await loop.create_connection(FeatureConnection, self._host, self._port, ssl=self._tls)
        return connection

    def _keep(self, task: asyncio.Task[FeatureConnection]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._idle.append(task.result())

    def fail(self, error: FeaturesUnavailable) -> None:
        """A call failed, or its answer is of no use: count it, and say so in the log now and then."""
        if self._breaker.failed():
            _log.warning("the feature store is left alone for a while", extra={"seconds": OPEN_SECONDS})
        now = time.monotonic()
        if now - self._told_at >= _LOUD_SECONDS:
            self._told_at = now
            _log.warning("features were not looked up", extra={"cause": str(error.cause), "detail": str(error)})
