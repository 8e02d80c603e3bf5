"""A connection without a socket: bytes go into the protocol, and what it writes is kept write by write."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from penstock_predictor.http.protocol import PredictorProtocol

PATIENCE = 20
"""Seconds until a reply is given up."""


class Wire(asyncio.Transport):
    """Keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False
        self.reading = True

    def write(self, data: Any) -> None:
        assert not self.closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class Connection:
    """One caller's connection to an application, the hot way or uvicorn's own way alone."""

    def __init__(self, app: FastAPI, *, hot: bool) -> None:
        config = uvicorn.Config(app, log_config=None, lifespan="off", proxy_headers=False)
        config.load()
        self.state = ServerState()
        self.wire = Wire()
        self.protocol: HttpToolsProtocol
        if hot:
            self.protocol = PredictorProtocol(config, self.state, {}, intake=app.state.intake)
        else:
            self.protocol = HttpToolsProtocol(config, self.state, {})
        self.protocol.connection_made(cast("asyncio.Transport", self.wire))

    @property
    def received(self) -> bytes:
        """All that was written to the caller."""
        return b"".join(self.wire.writes)

    async def send(self, pieces: Sequence[bytes]) -> None:
        """Deliver bytes as they arrive: a turn of the event loop between pieces, nothing while reading is paused."""
        for piece in pieces:
            async with asyncio.timeout(PATIENCE):
                while not self.wire.reading:  # noqa: ASYNC110 - as a socket's buffer waits
                    await asyncio.sleep(0)
            if self.wire.closed:
                return
            self.protocol.data_received(piece)
            await asyncio.sleep(0)

    async def replies(self, number: int) -> list[bytes]:
        """Wait for that many whole replies, or for the end of the connection; answers them all, without their dates."""
        async with asyncio.timeout(PATIENCE):
            while len(split(self.received)) < number and not self.wire.closed:  # noqa: ASYNC110 - nothing to await
                await asyncio.sleep(0.001)
        await asyncio.sleep(0)
        return split(self.received)

    def hang_up(self) -> None:
        """The caller is gone."""
        self.wire.closed = True
        self.protocol.connection_lost(None)


def split(received: bytes) -> list[bytes]:
    """Cut a stream into whole replies by their content-length."""
    replies: list[bytes] = []
    while b"\r\n\r\n" in received:
        head, rest = received.split(b"\r\n\r\n", 1)
        length = re.search(rb"content-length: (\d+)", head)
        size = int(length.group(1)) if length else 0
        if len(rest) < size:
            break
        replies.append(re.sub(rb"date: [^\r]*\r\n", b"", head) + b"\r\n\r\n" + rest[:size])
        received = rest[size:]
    return replies


def post(path: str, body: bytes, *headers: str, method: str = "POST") -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "host: predictor", f"content-length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
