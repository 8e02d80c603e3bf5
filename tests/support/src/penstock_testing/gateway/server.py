"""A fast server behind the gateway, in the test's own event loop: it answers, fails and hangs as it is told."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Self

from penstock_gateway.api_server.snapshot import Endpoint

_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What happens to a request."""

    status: int = 200
    seconds: float = 0.0
    """Before the answer."""
    every: int = 1
    """Only each so-manieth request meets this status; the others meet 200."""
    hangs: bool = False
    """No answer; the connection stays open."""
    resets: bool = False
    """The connection is cut before the answer."""


WELL = Behaviour()


@dataclass
class ScriptedServer:
    """Listens on a port of its own from `start` to `stop`. Its name is the body of its answers."""

    name: str
    address: str = "127.0.0.1"
    """Of this host; servers of one revision have one each where they are to be told apart, as pods have."""
    behaviour: Behaviour = WELL
    seen: list[Mapping[str, str]] = field(default_factory=list)
    """The headers of every request, `:path` among them."""
    port: int = 0
    _server: asyncio.Server | None = None
    _connections: set["_EnvoyConnection"] = field(default_factory=set)
    _turns: Iterator[int] = field(default_factory=lambda: iter(()))

    @property
    def endpoint(self) -> Endpoint:
        """Its address, ready."""
        return Endpoint(self.address, self.port)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def start(self) -> Self:
        """Listen; after `stop`, on the same port again."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _EnvoyConnection(self), self.address, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def stop(self) -> None:
        """As kill -9: connections are reset, new ones refused."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self._connections):
            connection.cut()

    def behave(self, behaviour: Behaviour) -> None:
        """From the next request on."""
        self.behaviour = behaviour
        self._turns = cycle(range(behaviour.every))

    def take(self, headers: Mapping[str, str]) -> int:
        """Note a request; return the status of its answer."""
        self.seen.append(headers)
        return self.behaviour.status if next(self._turns, 0) == 0 else 200

    def joined(self, connection: "_EnvoyConnection") -> None:
        """A connection was opened."""
        self._connections.add(connection)

    def left(self, connection: "_EnvoyConnection") -> None:
        """A connection was closed."""
        self._connections.discard(connection)


class _EnvoyConnection(asyncio.Protocol):
    """HTTP/1.1 as Envoy speaks it: one request at a time, bodies with a length."""

    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.left(self)

    def cut(self) -> None:
        """Reset."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if end < 0:
            return
        headers = _headers(self._buffer[:end].decode())
        whole = end + len(_HEAD_END) + int(headers.get("content-length", "0"))
        if len(self._buffer) >= whole:
            self._buffer = self._buffer[whole:]
            self._answer(self._server.take(headers), self._server.behaviour)

    def _answer(self, status: int, behaviour: Behaviour) -> None:
        if behaviour.resets:
            self.cut()
        elif not behaviour.hangs:
            asyncio.get_running_loop().call_later(behaviour.seconds, self._write, status)

    def _write(self, status: int) -> None:
        body = self._server.name.encode()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body)


def _headers(head: str) -> Mapping[str, str]:
    first, *lines = head.split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return {":path": first.split(" ")[1], **{name.lower(): value for name, value in pairs}}
