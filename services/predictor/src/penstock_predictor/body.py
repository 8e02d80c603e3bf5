"""Reads a request's body, and stops reading when it is too large, too slow or too much."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from penstock_predictor.admission import Slot
from penstock_predictor.deadline import Deadline
from penstock_predictor.errors import BodyTimeout, BodyTooLarge, ClientGone

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
"""ASGI's."""


async def read_body(
    receive: Receive, *, content_length: str | None, limit: int, slot: Slot, deadline: Deadline
) -> bytes:
    """Return the whole body, of at most `limit` bytes, each counted in the slot.

    Raises BodyTooLarge, from the header where it says so; BodyTimeout; ClientGone; Overloaded.
    """
    if content_length is not None and int(content_length) > limit:
        raise _too_large(limit)
    try:
        async with asyncio.timeout(deadline.left):
            return await _read(receive, limit, slot)
    except TimeoutError:
        raise BodyTimeout(f"the body did not arrive within {deadline.seconds:g} s") from None


async def _read(receive: Receive, limit: int, slot: Slot) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the caller hung up before its body was complete")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        slot.take(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit} bytes: send fewer rows in one request")
