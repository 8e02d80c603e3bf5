"""What goes out over a connection, and in how many writes."""

import asyncio
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from penstock_predictor.protocol import WholeReplyProtocol

HEAD, LONG = b"HTTP/1.1 200 OK", 200_000


class Wire(asyncio.Transport):
    """Keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


async def application(scope: Any, receive: Any, send: Any) -> None:
    body = b"x" * (LONG if scope["path"] == "/long" else 3)
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body[:2], "more_body": True})
    await send({"type": "http.response.body", "body": body[2:]})


async def sent(requests: bytes, *, lost: bool = False) -> Wire:
    config = uvicorn.Config(application, log_config=None)
    config.load()
    state, wire = ServerState(), Wire()
    protocol = WholeReplyProtocol(config, state, {})
    protocol.connection_made(cast("asyncio.Transport", wire))
    protocol.data_received(requests)
    if lost:
        wire.closed = True
        protocol.connection_lost(None)
    await asyncio.gather(*state.tasks)
    await asyncio.sleep(0)
    if protocol.timeout_keep_alive_task:
        protocol.timeout_keep_alive_task.cancel()
    return wire


async def test_head_and_body_go_out_in_one_write() -> None:
    wire = await sent(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert len(wire.writes) == 1
    assert wire.writes[0].startswith(HEAD)
    assert wire.writes[0].endswith(b"\r\n\r\nxxx")


@pytest.mark.parametrize("path", ["/", "/long"])
async def test_a_connection_that_is_closed_after_the_reply_has_all_of_it(path: str) -> None:
    wire = await sent(f"GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n".encode())
    body = b"".join(wire.writes).split(b"\r\n\r\n", 1)[1]
    assert body == b"x" * (LONG if path == "/long" else 3)
    assert wire.closed


async def test_to_a_connection_that_is_gone_nothing_is_written() -> None:
    assert (await sent(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", lost=True)).writes == []
