"""One inference request over HTTP: what arrived, how it becomes a call, and the way back."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from penstock_contracts.names import HEADER_REQUEST_ID, HEADER_SHADOW
from penstock_predictor.errors import RequestError, as_refusal
from penstock_predictor.http.reply import Reply, compressed, refusal
from penstock_predictor.model.inference import Feeds
from penstock_predictor.serving.call import Call, CallOutcome, CallOutputs, Deadline, Origin
from penstock_predictor.serving.runtime import Offload

if TYPE_CHECKING:
    from penstock_predictor.tracing.trace import Trace

REQUEST_ID: Final = HEADER_REQUEST_ID.encode()
SHADOW: Final = HEADER_SHADOW.encode()
_TIMEOUT: Final = b"x-request-timeout-ms"
"""The caller's own time limit, in milliseconds; it can only shorten ours."""
_ENVOY_TIMEOUT: Final = b"x-envoy-expected-rq-timeout-ms"
"""When the gateway gives this try up: nobody would read a later answer."""

MAX_INLINE_TEXT: Final = 262144
"""Bytes of text that are read in about a millisecond; more of them are read by the offload thread."""
_MAX_INLINE_ELEMENTS: Final = 4096
"""Elements whose text is made in about a quarter of a millisecond; the text of more is made by the offload thread."""


def requested_timeout(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The time limit that a request's headers name, if any."""
    return headers.get(_TIMEOUT) or headers.get(_ENVOY_TIMEOUT)


class Exchange(ABC):
    """Each way to a client has its own kind."""

    __slots__ = ("body", "deadline", "headers", "size", "trace")

    def __init__(self, headers: Mapping[bytes, bytes], deadline: Deadline) -> None:
        self.headers = headers
        """By lower-case name; of one that occurs twice, the last."""
        self.deadline = deadline
        self.body: bytes | memoryview = b""
        self.size = 0
        """Bytes of the body as admission counted them."""
        self.trace: Trace | None = None
        """What its spans are to be made of, where it is traced."""

    def request_id_header(self) -> bytes | None:
        """The request's id, if it has one."""
        return self.headers.get(REQUEST_ID)

    @abstractmethod
    def answer(self, reply: Reply) -> None:
        """Send the reply, on the event loop, once."""


class ReplyChannel(ABC):
    """A connection."""

    @abstractmethod
    def take_reply(self, exchange: "FastExchange", reply: Reply) -> None:
        """Write a reply when its turn comes."""


class FastExchange(Exchange):
    """On the fast path: replies leave their connection in the order of its requests."""

    __slots__ = ("_channel", "keep_alive", "refused_with", "reply", "request_id", "route", "started")

    def __init__(
        self,
        channel: ReplyChannel,
        route: "Route",
        headers: Mapping[bytes, bytes],
        request_id: bytes | None,
        time_limit: float,
        *,
        keep_alive: bool,
    ) -> None:
        self.started = started = time.monotonic()
        super().__init__(headers, Deadline(started + time_limit, time_limit))
        self._channel = channel
        self.route = route
        self.request_id = request_id
        """Kept apart: the headers are those of many requests."""
        self.keep_alive = keep_alive
        self.refused_with: RequestError | None = None
        """Known before the body arrived; it is said when the body is there."""
        self.reply: Reply | None = None
        """It waits until those before it are written."""

    def refuse(self, error: RequestError) -> None:
        """Read no body of it."""
        self.refused_with = error.with_traceback(None)  # whose frames hold what arrived

    def request_id_header(self) -> bytes | None:
        """The request's id, if it has one."""
        return self.request_id

    def answer(self, reply: Reply) -> None:
        """Write it, or keep it until those before it are written."""
        self._channel.take_reply(self, reply)


class AsgiExchange(Exchange):
    """Through FastAPI: a coroutine waits for the reply."""

    __slots__ = ("_future",)

    def __init__(self, headers: Mapping[bytes, bytes], deadline: Deadline) -> None:
        super().__init__(headers, deadline)
        self._future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def answer(self, reply: Reply) -> None:
        """Wake the coroutine, if it still waits."""
        if not self._future.done():
            self._future.set_result(reply)

    async def reply(self) -> Reply:
        """Wait for the reply."""
        return await self._future


class HttpCall(Call):
    """Answers an exchange; each route has its own way to write the arrays."""

    __slots__ = ("_exchange", "_offload")

    def __init__(self, exchange: Exchange, offload: Offload, *, feeds: Feeds, outputs: tuple[str, ...]) -> None:
        super().__init__(feeds, outputs, exchange.deadline, exchange.size)
        self._exchange = exchange
        self._offload = offload

    def origin(self) -> Origin:
        """By its headers."""
        exchange = self._exchange
        return exchange.request_id_header(), SHADOW in exchange.headers

    def trace(self) -> "Trace | None":
        """Of its exchange."""
        return self._exchange.trace

    @abstractmethod
    def encode(self, part: CallOutputs) -> Reply:
        """Write the outputs. Raises a RequestError where this route has no form for them."""

    def finish(self, outcome: CallOutcome) -> None:
        """Answer now, or after the offload thread has made the text of many elements."""
        if isinstance(outcome, RequestError):
            self._refuse(outcome)
        elif outcome.elements > _MAX_INLINE_ELEMENTS:
            self._finish_offloaded(outcome)
        else:
            try:
                reply = self._reply(outcome)
            except Exception as error:  # noqa: BLE001 - the caller, and the others of its run, would wait for ever
                self._refuse(as_refusal(error))
            else:
                self._exchange.answer(reply)

    def _finish_offloaded(self, part: CallOutputs) -> None:
        self._offload.run(lambda: self._reply(part), self._exchange.answer, self._refuse)

    def _reply(self, part: CallOutputs) -> Reply:
        return compressed(self.encode(part), self._exchange.headers)

    def _refuse(self, error: RequestError) -> None:
        self._exchange.answer(refusal(error))


class Route(ABC):
    """A way to ask the model over HTTP."""

    def __init__(self, label: str) -> None:
        self.label = label
        """Its name in metrics."""

    @abstractmethod
    def takes_long(self, exchange: Exchange, /) -> bool:
        """Whether reading takes so long that it should not be done on the event loop."""

    @abstractmethod
    def read(self, exchange: Exchange, /) -> HttpCall:
        """Turn a request into a call that fits the model. Raises a RequestError."""

    def read_later(
        self,
        exchange: Exchange,
        offload: Offload,
        then: Callable[[HttpCall], None],
        otherwise: Callable[[RequestError], None],
    ) -> None:
        """Do so elsewhere, and tell the call, or why there is none, on the event loop."""
        offload.run(lambda: self.read(exchange), then, otherwise)
