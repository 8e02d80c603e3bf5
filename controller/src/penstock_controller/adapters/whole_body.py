"""The body of an answer, read no further than is allowed."""

from collections.abc import AsyncIterator


async def whole_body(chunks: AsyncIterator[bytes], most: int) -> bytes | None:
    """All of it; None: it has more than `most` bytes."""
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > most:
            return None
    return bytes(content)
