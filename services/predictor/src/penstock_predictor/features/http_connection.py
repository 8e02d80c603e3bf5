"""One kept connection to a feature server, with one exchange on it at a time."""

import asyncio
from typing import Final, cast

import httptools

_MOST_BYTES: Final = 16 * 2**20
"""Of an answer: a hundred rows of a hundred features have less than 1 MB."""


class AnswerBroke(ConnectionError):
    """The connection ended before a whole answer, or what came is none."""


class FeatureConnection(asyncio.Protocol):
    """Answers are read by httptools, as requests are."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._body: list[bytes] = []
        self._size = 0
        self.usable = True
        """Whether another exchange may follow."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.usable = False
        self._fail(f"the connection ended before an answer ({exc or 'closed by the server'})")

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.close()
            self._fail(f"what it answers is no HTTP: {error}")
        if self._size > _MOST_BYTES:
            self.close()
            self._fail(f"its answer has more than {_MOST_BYTES} bytes")

    def on_body(self, data: bytes) -> None:
        """Called by the parser."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if not self._parser.should_keep_alive():
            self.close()
        answer, self._answer = self._answer, None
        if answer is None:
            self.close()  # nobody asked
        elif not answer.done():
            answer.set_result((self._parser.get_status_code(), b"".join(self._body)))

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a whole request; return status and body of its answer. Raises AnswerBroke.

        Cancelled, it closes the connection: the answer would come to the next.
        """
        if self._transport is None or not self.usable:
            raise AnswerBroke("the connection is closed")
        self._body, self._size = [], 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """No exchange follows."""
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def _fail(self, message: str) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(AnswerBroke(message))
