"""Clients that speak HTTP as they may, byte by byte, with the real Envoy: served, or told what is wrong."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from penstock_testing.gateway.rig import GatewayRig

BY_PATH = "/payments/fraud-detector/predict"
HOST = "Host: fraud-detector.payments"


@pytest.fixture
async def served(rig: GatewayRig) -> GatewayRig:
    await rig.apply({"r1": 100}, {"r1": [rig.upstream("v1").endpoint]})
    return rig


async def say(rig: GatewayRig, *lines: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send a request's lines as they are; return the last answer's status (0: none came), and its body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.settings.user_port)
    try:
        async with asyncio.timeout(5):
            writer.write("\r\n".join((*lines, "", "")).encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 100 " in head.split(b"\r\n")[0]:
                head = await reader.readuntil(b"\r\n\r\n")
            return int(head.split()[1]), await _body(reader, head.lower(), lines[0])
    except (EOFError, TimeoutError, ConnectionError) as error:
        return 0, json.dumps({"error": repr(error)}).encode()
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, head: bytes, request_line: str) -> bytes:
    if request_line.startswith("HEAD "):
        return b""
    if b"transfer-encoding: chunked" in head:
        return b"".join([chunk async for chunk in _chunks(reader)])
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
    return await reader.readexactly(int(lengths[0])) if lengths else await reader.read()


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int(await reader.readline(), 16):
        yield await reader.readexactly(size)
        await reader.readline()


def text_of(body: bytes) -> str:
    return str(json.loads(body)["error"])


SERVED: Mapping[str, Sequence[str]] = {
    "HTTP/1.0": (f"GET {BY_PATH} HTTP/1.0", HOST),
    "HTTP/1.0 without a host": (f"GET {BY_PATH} HTTP/1.0",),
    "HTTP/1.0, kept alive": (f"GET {BY_PATH} HTTP/1.0", HOST, "Connection: keep-alive"),
    "HTTP/1.0 by host": ("GET / HTTP/1.0", HOST),
    "upgrade to TLS": (f"GET {BY_PATH} HTTP/1.1", "Host: any", "Connection: Upgrade", "Upgrade: TLS/1.2"),
    "several upgrades": (
        f"GET {BY_PATH} HTTP/1.1",
        "Host: any",
        "Connection: keep-alive, upgrade",
        "Upgrade: TLS/1.3, foo/2",
    ),
    "upgrade to h2c": (
        f"GET {BY_PATH} HTTP/1.1",
        "Host: any",
        "Connection: Upgrade, HTTP2-GatewaySettings",
        "Upgrade: h2c",
        "HTTP2-GatewaySettings: AAMAAABkAAQAoAAAAAIAAAAA",
    ),
    "upgrade to websocket": (f"GET {BY_PATH} HTTP/1.1", "Host: any", "Connection: Upgrade", "Upgrade: websocket"),
    "host with a dot": ("GET / HTTP/1.1", f"{HOST}."),
    "host with a dot and a port": ("GET / HTTP/1.1", f"{HOST}.:8080"),
    "host in capitals": ("GET / HTTP/1.1", "Host: Fraud-Detector.PAYMENTS"),
    "host with a port": ("GET / HTTP/1.1", f"{HOST}:80"),
    "absolute target": ("GET http://fraud-detector.payments/predict HTTP/1.1", "Host: other"),
    "OPTIONS": (f"OPTIONS {BY_PATH} HTTP/1.1", "Host: any"),
    "HEAD": (f"HEAD {BY_PATH} HTTP/1.1", "Host: any"),
    "doubled slashes": ("GET //payments//fraud-detector//predict HTTP/1.1", "Host: any"),
    "header names in any case": (f"GET {BY_PATH} HTTP/1.1", "hOsT: any", "x-lower: 1", "X-UPPER: 2"),
}


async def test_a_request_that_a_server_may_take_is_served(served: GatewayRig) -> None:
    answers = {what: await say(served, *lines) for what, lines in SERVED.items()}
    assert {what: answer for what, answer in answers.items() if answer[0] != 200} == {}
    told = {what: json.loads(body) for what, (_, body) in answers.items() if what != "HEAD"}
    assert {one["version"] for one in told.values()} == {"v1"}
    passed_on = {name for one in told.values() for name in one["headers"]}
    assert passed_on.isdisjoint({"upgrade", "http2-settings"})


BODIES: Mapping[str, tuple[Sequence[str], bytes, int]] = {
    "asks before it sends": (("Expect: 100-continue", "Content-Length: 5"), b"12345", 5),
    "chunks and trailers": (
        ("Transfer-Encoding: chunked", "Trailer: x-sum"),
        b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 9\r\n\r\n",
        5,
    ),
    "empty": (("Content-Length: 0",), b"", 0),
}


async def test_a_body_arrives_however_it_is_sent(served: GatewayRig) -> None:
    for what, (headers, body, length) in BODIES.items():
        status, answer = await say(served, f"POST {BY_PATH} HTTP/1.1", "Host: any", *headers, body=body)
        assert (status, json.loads(answer)["length"]) == (200, length), what


async def test_a_connection_of_http_1_0_serves_the_next_request_too(rig: GatewayRig) -> None:
    await rig.apply({"r1": 100}, {"r1": [(await rig.server("v1")).endpoint]})
    request = f"POST {BY_PATH} HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nx".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.settings.user_port)
    async with asyncio.timeout(20):
        for _ in range(3):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert (head.split()[1], await _body(reader, head.lower(), "POST")) == (b"200", b"v1")
    writer.close()


MANY = tuple(f"x-{number}: 1" for number in range(150))
REFUSED: Mapping[str, tuple[Sequence[str], int, str]] = {
    "no host": (("GET / HTTP/1.1",), 400, "cannot read this as HTTP"),
    "not HTTP": (("GET /a b HTTP/1.1", HOST), 400, "cannot read this as HTTP"),
    "HTTP/1.0 without a host, no path": (("GET / HTTP/1.0",), 404, "/{namespace}/{name}/"),
    "many headers": ((f"GET {BY_PATH} HTTP/1.1", HOST, *MANY), 431, "100 of them"),
    "long headers": ((f"GET {BY_PATH} HTTP/1.1", HOST, "x-long: " + "y" * 70_000), 431, "60 KiB"),
    "encoded": ((f"POST {BY_PATH} HTTP/1.1", HOST, "Transfer-Encoding: gzip, chunked"), 501, "Content-Encoding"),
    "two lengths": (
        (f"POST {BY_PATH} HTTP/1.1", HOST, "Content-Length: 3", "Transfer-Encoding: chunked"),
        400,
        "cannot read this as HTTP",
    ),
}


async def test_a_request_that_is_refused_is_told_why(served: GatewayRig) -> None:
    answers = {what: await say(served, *lines) for what, (lines, _, _) in REFUSED.items()}
    wrong = {
        what: answers[what]
        for what, (_, status, text) in REFUSED.items()
        if answers[what][0] != status or text not in text_of(answers[what][1])
    }
    assert wrong == {}
