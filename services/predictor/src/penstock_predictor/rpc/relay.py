"""Bytes between two connections."""

import asyncio
import contextlib
from dataclasses import dataclass

_AT_ONCE = 256 * 1024
"""Bytes that are carried together."""


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
    finally:
        for way in ways:
            way.cancel()
        for connection in (one, other):
            connection.writer.close()
    for connection in (one, other):
        with contextlib.suppress(OSError):
            await connection.writer.wait_closed()


async def _carry(one: Connection, other: Connection) -> None:
    with contextlib.suppress(OSError):  # whoever hangs up ends it
        while content := await one.reader.read(_AT_ONCE):
            other.writer.write(content)
            await other.writer.drain()
