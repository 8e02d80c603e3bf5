"""A connection without a socket: bytes go into the protocol, and what it writes is kept write by write."""

import asyncio
import json
import re
from collections.abc import Sequence
from enum import Enum
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from penstock_predictor.http.connection import HttpConnection
from penstock_predictor.http.dispatcher import Dispatcher
from penstock_predictor.lazy_app import LazyApp
from penstock_predictor.serving.runtime import Runtime

from .conftest import RunningApp, tensor

CHUNKED = "transfer-encoding: chunked"
PATIENCE = 20
"""Seconds until a reply is given up."""
INFER = "/v2/models/model/infer"
ROW = {"inputs": [tensor("x", "FP32", [1, 2], [1, 2])]}


class Wire(asyncio.Transport):
    """Keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False
        self.reading = True
        self.protocol: asyncio.Protocol | asyncio.BufferedProtocol | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = cast("asyncio.Protocol | asyncio.BufferedProtocol", protocol)

    def deliver(self, data: bytes) -> None:
        """As a socket does: into the buffers of a protocol that has its own."""
        while isinstance(self.protocol, asyncio.BufferedProtocol) and data:
            buffer = memoryview(self.protocol.get_buffer(-1)).cast("B")
            size = min(len(buffer), len(data))
            assert size > 0
            buffer[:size], data = data[:size], data[size:]
            self.protocol.buffer_updated(size)
        if data:
            cast("asyncio.Protocol", self.protocol).data_received(data)

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


class Way(Enum):
    """How a request is answered."""

    OURS = "our connection"
    """On the fast path where that takes it."""
    OURS_BY_ASGI = "our connection, by the application alone"
    UVICORNS = "uvicorn's own"
    """By the application alone: what ours is compared with."""


class CallerConnection:
    """One caller's connection to an application."""

    def __init__(self, app: LazyApp, way: Way = Way.OURS) -> None:
        config = uvicorn.Config(app, log_config=None, lifespan="off", proxy_headers=False)
        config.load()
        self.state = ServerState()
        self.wire = Wire()
        self.protocol: HttpConnection | HttpToolsProtocol
        if way is Way.UVICORNS:
            self.protocol = HttpToolsProtocol(config, self.state, {})
        else:
            # One that has been told of no model has no fast path.
            dispatcher = app.dispatcher if way is Way.OURS else Dispatcher(app.runtime)
            self.protocol = HttpConnection(config, self.state, {}, app=app, dispatcher=dispatcher)
        self.wire.set_protocol(cast("asyncio.Protocol", self.protocol))
        self.protocol.connection_made(cast("asyncio.Transport", self.wire))

    @property
    def received(self) -> bytes:
        """All that was written to the caller."""
        return b"".join(self.wire.writes)

    async def send(self, pieces: Sequence[bytes]) -> None:
        """Deliver bytes as they arrive: a turn of the event loop between pieces, nothing while reading is paused."""
        for piece in pieces:
            async with asyncio.timeout(PATIENCE):
                while not (self.wire.reading or self.wire.closed):  # noqa: ASYNC110 - as a socket's buffer waits
                    await asyncio.sleep(0)
            if self.wire.closed:
                return
            self.wire.deliver(piece)
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
        assert self.wire.protocol is not None
        self.wire.protocol.connection_lost(None)


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


def chunked(path: str, *chunks: bytes) -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return f"POST {path} HTTP/1.1\r\nhost: x\r\n{CHUNKED}\r\n\r\n".encode() + body + b"0\r\n\r\n"


def rounds(number: int, *headers: str) -> bytes:
    return post(INFER, text({"inputs": [tensor("rounds", "INT64", [1], [number])]}), *headers)


def text(value: object) -> bytes:
    return json.dumps(value).encode()


def binary(header: dict[str, Any], tail: bytes) -> tuple[bytes, str]:
    """A body with tensors behind its JSON, and the header that says how long the JSON is."""
    head = text(header)
    return head + tail, f"inference-header-content-length: {len(head)}"


def raw(name: str, datatype: str, shape: list[int], size: int) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": size}}


def runtime_of(app: RunningApp) -> Runtime:
    runtime: Runtime = app.app.runtime
    return runtime


async def nothing_held(app: RunningApp) -> None:
    """Every place and every byte is given back."""
    admission = runtime_of(app).admission
    async with asyncio.timeout(PATIENCE):
        while admission.requests:  # noqa: ASYNC110 - nothing to await
            await asyncio.sleep(0.001)
    assert (admission.requests, admission.bytes) == (0, 0)


def status(reply: bytes) -> int:
    return int(reply.split(b" ", 2)[1])


async def answer(app: LazyApp, request: bytes, way: Way = Way.OURS) -> list[bytes]:
    caller = CallerConnection(app, way)
    await caller.send([request])
    replies = await caller.replies(1)
    caller.hang_up()
    return replies


async def every_way(app: RunningApp, request: bytes) -> bytes:
    """The one reply that all ways give."""
    replies = set()
    for way in Way:
        replies.update(await answer(app.app, request, way))
        await nothing_held(app)
    (reply,) = replies
    return reply
