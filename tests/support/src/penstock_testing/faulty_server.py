"""A real HTTP/1.1 server on loopback whose answer, or fault, is chosen by the request's path."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from typing import Self

Fault = Callable[["FaultyExchange"], Awaitable[None]]


class FaultyExchange:
    """One request that waits for an answer or a fault."""

    def __init__(
        self, writer: asyncio.StreamWriter, request_body: bytes, request_headers: Mapping[str, str] | None = None
    ) -> None:
        self.writer, self.request_body = writer, request_body
        self.request_headers = request_headers or {}
        """By their names in lower case."""

    async def answer(self, body: bytes, *, status: int = 200, headers: tuple[str, ...] = ()) -> None:
        """A complete answer."""
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode() + body)
        await self.writer.drain()

    async def reset_in_the_middle(self) -> None:
        """Half an answer, then RST."""
        self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await self.writer.drain()
        connection: socket.socket = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def garbage(self) -> None:
        """Bytes that are not HTTP."""
        self.writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        await self.writer.drain()

    async def silence(self) -> None:
        """No answer as long as the connection lives."""
        await asyncio.Event().wait()


class FaultyServer:
    """Serves until its context is left. `faults`: path to what happens to a request for it."""

    def __init__(self, faults: Mapping[str, Fault]) -> None:
        self._faults = faults
        self._server: asyncio.Server | None = None
        self._handlers: set[asyncio.Task[None]] = set()
        self.port = 0
        self.connections = 0
        """Accepted so far."""
        self.requests = 0
        """Read completely so far."""

    async def __aenter__(self) -> Self:
        """Listen on a free port of 127.0.0.1."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Stop listening and drop every connection."""
        self.refuse_new_connections()
        self.drop_connections()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def refuse_new_connections(self) -> None:
        """Stop listening; connections that are open go on."""
        if self._server is not None:
            self._server.close()

    def drop_connections(self) -> None:
        """Close every open connection."""
        for handler in self._handlers:
            handler.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        try:
            while not writer.is_closing():
                await self._answer_one(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the peer left, or this server does
        finally:
            writer.close()
            self._handlers.discard(task)

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request_line, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.requests += 1
        await self._faults[request_line.split(" ")[1]](FaultyExchange(writer, body, headers))
