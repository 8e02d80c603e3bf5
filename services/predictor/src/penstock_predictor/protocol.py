"""HTTP/1.1 as uvicorn speaks it, with a reply's head and body in one write."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MOST_HELD = 65536
"""Bytes: a longer reply goes out in parts."""


class WholeReplyProtocol(HttpToolsProtocol):
    """A process killed with -9 has sent a reply as a whole, or nothing of it.

    uvicorn writes a head and then a body. Between the two the gateway has passed the head on, and cannot try the
    request again elsewhere.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        super().connection_made(cast("asyncio.Transport", GatheringTransport(transport, self.loop)))


class GatheringTransport:
    """A transport that sends what is written in one turn of the event loop at once, at its end."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = bytearray()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold the bytes until the end of this turn."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held += data
        if len(self._held) > _MOST_HELD:
            self._send()

    def close(self) -> None:
        """Send what is held, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._held and not self._transport.is_closing():
            self._transport.write(bytes(self._held))
        self._held.clear()
