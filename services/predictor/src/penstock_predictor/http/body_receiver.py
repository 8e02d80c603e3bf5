"""Reads long bodies from the socket straight into their place."""

import asyncio
from typing import Protocol

LONG_REST = 65536
"""Bytes of a body still to come from which on it pays to read its connection in this way."""
_FIRST_BYTES = 16384
"""Of what begins a message: a head, the JSON before tensors' bytes, and little of those."""


class Bodies(Protocol):
    """Of the connection."""

    def room(self) -> memoryview | None:
        """Where what arrives next belongs; None where it is no part of a body that has its place."""

    def filled(self, size: int) -> None:
        """So many bytes were written there."""


class BodyReceiver(asyncio.BufferedProtocol):
    """A connection's protocol from its first long body on: its own one is told all but what bodies consist of.

    It never reads beyond a body. That spares two copies of it.
    """

    def __init__(self, bodies: Bodies, protocol: asyncio.Protocol) -> None:
        """`protocol`: the connection's own."""
        self._bodies = bodies
        self._protocol = protocol
        self._first = memoryview(bytearray(_FIRST_BYTES))
        self._in_place = False

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the name is asyncio's
        """Called by the event loop before it reads."""
        room = self._bodies.room()
        self._in_place = room is not None
        return self._first if room is None else room

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the event loop when it has read."""
        if self._in_place:
            self._bodies.filled(nbytes)
        else:
            self._protocol.data_received(bytes(self._first[:nbytes]))

    def eof_received(self) -> bool | None:
        """Called by the event loop."""
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        """Called by the event loop."""
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._protocol.resume_writing()
