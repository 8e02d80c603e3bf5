"""A transport that sends what is written in one turn of the event loop at once, at its end."""

import asyncio
from typing import Any

_MOST_HELD = 65536
"""Bytes: a longer reply goes out in parts."""


class GatheringTransport:
    """For uvicorn, which writes a head and then a body.

    A process killed with -9 shall have sent a reply as a whole, or nothing of it: between the two the gateway has
    passed the head on, and cannot try the request again elsewhere.
    """

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

    def write_whole(self, reply: bytes) -> None:
        """Send a whole reply, behind what is held."""
        if self._held:
            self._send()
        self._transport.write(reply)

    def is_closing(self) -> bool:
        """Whether nothing more is sent."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Send what is held, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._held and not self._transport.is_closing():
            self._transport.write(bytes(self._held))
        self._held.clear()
