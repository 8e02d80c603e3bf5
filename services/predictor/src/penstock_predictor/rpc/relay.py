"""Bytes between two connections."""

import asyncio
import contextlib
from dataclasses import dataclass

_AT_ONCE = 256 * 1024
"""Bytes that are carried together."""

_PART_SECONDS = 1.0
"""How long who is told that nothing follows may take to end its side."""


@dataclass(frozen=True)
class Connection:
    """Both ways of one."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


async def relay(one: Connection, other: Connection) -> None:
    """Carry what each sends to the other, until one of them ends; what it sent until then still goes."""
    ways = [asyncio.create_task(_carry(one, other)), asyncio.create_task(_carry(other, one))]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.wait(ways)
        await asyncio.gather(_part(one), _part(other))
    finally:
        for connection in (one, other):
            connection.writer.close()


async def _part(connection: Connection) -> None:
    """Say that nothing follows, and pass over what still comes: to close before would destroy what is on its way."""
    with contextlib.suppress(OSError):
        connection.writer.write_eof()
        async with asyncio.timeout(_PART_SECONDS):
            while await connection.reader.read(_AT_ONCE):
                pass


async def _carry(one: Connection, other: Connection) -> None:
    with contextlib.suppress(OSError):  # whoever hangs up ends it
        while content := await one.reader.read(_AT_ONCE):
            other.writer.write(content)
            await other.writer.drain()
