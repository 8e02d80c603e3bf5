"""A request's body: put together in its place, read through ASGI, unpacked, and stopped where it is too much."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final, Protocol

import numpy as np

from penstock_predictor.errors import BadRequest, BodyTimeout, BodyTooLarge, ClientGone, UnsupportedMedia
from penstock_predictor.http.exchange import Exchange
from penstock_predictor.serving.runtime import Runtime

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""ASGI's."""

LONG_REST: Final = 65536
"""Bytes of a body still to come from which on it pays to read its connection by a `BodyReceiver`."""
_FIRST_BYTES: Final = 16384
"""Of what begins a message: a head, the JSON before tensors' bytes, and little of those."""
_ALIGNMENT: Final = 64
"""Bytes: of the widest loads that a processor has."""
_READ = frozenset({b"application/json", b"application/octet-stream", b"application/x-www-form-urlencoded"})
"""Content types. The last is what `curl --data` says of any body unless told otherwise; what the body is, its first
bytes show.
"""
_UNPACK = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
"""Content encodings that are read, with zlib's word for each."""
_MOST_MEMBERS: Final = 256
"""Of one gzip body (RFC 1952, 2.2): a member may be empty, and each takes time."""


class BodyBuffer:
    """Puts pieces together where the bytes from one place on are aligned: tensors there are read without a copy."""

    def __init__(self, length: int, aligned_from: int) -> None:
        room = np.empty(length + _ALIGNMENT, dtype=np.uint8)
        start = -(room.ctypes.data + aligned_from) % _ALIGNMENT
        self._view = room.data[start : start + length]
        self._filled = 0

    def add(self, piece: memoryview) -> memoryview:
        """Take what belongs to the body; return what does not."""
        taken = min(len(piece), len(self._view) - self._filled)
        self._view[self._filled : self._filled + taken] = piece[:taken]
        self._filled += taken
        return piece[taken:]

    @property
    def room(self) -> memoryview:
        """Where the bytes belong that are still to come."""
        return self._view[self._filled :]

    def fill(self, size: int) -> None:
        """So many bytes were written into the room."""
        self._filled += size

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return self._filled == len(self._view)

    @property
    def body(self) -> memoryview:
        """All of it, once it is complete."""
        return self._view


class BodyDrain:
    """Passes over a body that nobody will read: its request is refused already."""

    body = b""

    def __init__(self, length: int) -> None:
        self._left = length

    def add(self, piece: memoryview) -> memoryview:
        """Drop what belongs to the body; return what does not."""
        dropped = min(len(piece), self._left)
        self._left -= dropped
        return piece[dropped:]

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return self._left == 0


class LongBodies(Protocol):
    """A connection whose long bodies are read straight into their place."""

    def room(self) -> memoryview | None:
        """Where what arrives next belongs; None where it is no part of a body that has its place."""

    def fill(self, size: int) -> None:
        """So many bytes were written there."""

    def data_received(self, data: bytes) -> None:
        """Of what is no part of such a body."""

    def eof_received(self) -> bool | None:
        """As asyncio's."""

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio's."""

    def pause_writing(self) -> None:
        """As asyncio's."""

    def resume_writing(self) -> None:
        """As asyncio's."""


class BodyReceiver(asyncio.BufferedProtocol):
    """A connection's protocol from its first long body on: the connection is told all but what bodies consist of.

    It never reads beyond a body. That spares two copies of it.
    """

    def __init__(self, connection: LongBodies) -> None:
        self._connection = connection
        self._first = memoryview(bytearray(_FIRST_BYTES))
        self._in_place = False

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the name is asyncio's
        """Called by the event loop before it reads."""
        room = self._connection.room()
        self._in_place = room is not None
        return self._first if room is None else room

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the event loop when it has read."""
        if self._in_place:
            self._connection.fill(nbytes)
        else:
            self._connection.data_received(bytes(self._first[:nbytes]))

    def eof_received(self) -> bool | None:
        """Called by the event loop."""
        return self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """Called by the event loop."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Called by the event loop."""
        self._connection.resume_writing()


def check_content_type(value: bytes | None) -> None:
    """Raise UnsupportedMedia for a type that no request has here. None given: it is taken for JSON."""
    if value is None or value in _READ:
        return
    media, _, parameters = value.lower().partition(b";")
    media = media.strip()
    charset = parameters.replace(b" ", b"").replace(b'"', b"")
    if charset.startswith(b"charset=") and charset not in (b"charset=utf-8", b"charset=utf8", b"charset=us-ascii"):
        raise UnsupportedMedia(f"charset {charset[8:].decode('latin-1')!r}: JSON is UTF-8: send it so")
    if media not in _READ and not (media.startswith(b"application/") and media.endswith(b"+json")):
        raise UnsupportedMedia(
            f"content type {media.decode('latin-1')!r}: send application/json, "
            "or application/octet-stream with the binary tensor extension"
        )


async def read_body(receive: Receive, exchange: Exchange, runtime: Runtime) -> bytes:
    """Return the whole body, unpacked, of at most the limit, each byte that arrived counted in `exchange.size`.

    Raises BodyTooLarge, from the header where it says so; BodyTimeout; ClientGone; Overloaded; UnsupportedMedia.
    """
    limit = runtime.settings.max_body_bytes
    length = exchange.headers.get(b"content-length")
    if length is not None and int(length) > limit:
        raise too_large(limit)
    packings = _packings(exchange.headers)
    try:
        async with asyncio.timeout(exchange.deadline.left):
            body = await _read(receive, limit, exchange, runtime)
    except TimeoutError:
        raise BodyTimeout(f"the body did not arrive within {exchange.deadline.seconds:g} s") from None
    for packed in packings:
        body = _unpack(body, packed, limit)
    return body


def _packings(headers: Mapping[bytes, bytes]) -> list[int]:
    """What has to be undone, in this order: the way's own coding before chunks, which the parser took off, then the
    content's. Raises UnsupportedMedia.
    """
    *codings, _ = headers.get(b"transfer-encoding", b"chunked").split(b",")
    codings = [coding for coding in reversed(codings) if coding.strip()]
    found = map(_packing, [*codings, headers.get(b"content-encoding", b"identity")])
    return [packed for packed in found if packed is not None]


def _packing(encoding: bytes) -> int | None:
    name = encoding.strip().lower()
    if name == b"identity":
        return None
    if name not in _UNPACK:
        raise UnsupportedMedia(f"encoding {encoding.decode('latin-1')!r}: send gzip, deflate or none")
    return _UNPACK[name]


async def _read(receive: Receive, limit: int, exchange: Exchange, runtime: Runtime) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the caller hung up before its body was complete")
        chunk: bytes = message.get("body", b"")
        if exchange.size + len(chunk) > limit:
            raise too_large(limit)
        _grow(exchange, len(chunk), runtime)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _grow(exchange: Exchange, size: int, runtime: Runtime) -> None:
    runtime.grow(size)
    exchange.size += size


def _unpack(body: bytes, packed: int, limit: int) -> bytes:
    """Stops at the limit, however much would come out: a megabyte of zeros packs into a kilobyte."""
    members: list[bytes] = []
    left, rest = limit, body
    while rest or not members:
        unpacker = zlib.decompressobj(packed)
        try:
            member = unpacker.decompress(rest, left + 1)
        except zlib.error as error:
            raise BadRequest(f"the body is not what its content encoding says: {error}") from None
        left -= len(member)
        if left < 0:
            raise too_large(limit)
        if not unpacker.eof:
            raise BadRequest("the body is not what its content encoding says: it ends too early")
        members.append(member)
        rest = unpacker.unused_data
        if rest and packed == zlib.MAX_WBITS:
            raise BadRequest("the body is not what its content encoding says: something follows it")
        if len(members) >= _MOST_MEMBERS and rest:
            raise BadRequest(f"the body has more than {_MOST_MEMBERS} gzip members")
    return b"".join(members)


def too_large(limit: int) -> BodyTooLarge:
    """The refusal of a body over the limit."""
    return BodyTooLarge(f"the body is larger than {limit} bytes: send fewer rows in one request")
