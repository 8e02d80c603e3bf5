"""Reads a request's body, and stops reading when it is too large, too slow or too much."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from penstock_predictor.errors import BadRequest, BodyTimeout, BodyTooLarge, ClientGone, UnsupportedMedia
from penstock_predictor.http.exchange import Exchange
from penstock_predictor.serving.runtime import Runtime

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""ASGI's."""

_UNPACK = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}
"""Content encodings that are read, with zlib's word for each."""


_MOST_MEMBERS = 256
"""Of one gzip body (RFC 1952, 2.2): a member may be empty, and each takes time."""


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
