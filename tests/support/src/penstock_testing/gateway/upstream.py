"""A small server behind the gateway, in a process of its own: it can be killed, stopped and told to drain.

Alone: `python -m penstock_testing.gateway.upstream --version v1 --port 9000`
"""

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import ExitStack
from typing import Any, Self, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from penstock_gateway.api_server.snapshot import Endpoint

Message = MutableMapping[str, Any]
START_SECONDS = 60.0
_HEADERS = [(b"content-type", b"application/json"), (b"x-penstock-revision", b"a-lie")]


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, all different."""
    with ExitStack() as open_ones:
        listeners = [open_ones.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


class Upstream:
    """The process, seen from a test."""

    def __init__(self, version: str, *, port: int | None = None) -> None:
        self.version = version
        self.port = port or free_ports(1)[0]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> Endpoint:
        """Its address, ready."""
        return Endpoint("127.0.0.1", self.port)

    def start(self) -> Self:
        """Return when it answers."""
        command = [sys.executable, "-m", __name__, "--version", self.version, "--port", str(self.port)]
        self._process = subprocess.Popen(command)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            try:
                self._get("/started")
            except OSError:
                time.sleep(0.02)
            else:
                return self
        self.kill()
        raise TimeoutError(f"upstream {self.version} did not start")

    def requests(self) -> int:
        """How many requests it has begun to answer, these questions aside."""
        return int(self._get("/_count"))

    def drain(self) -> None:
        """Answer 503 from now on, as a pod does that has been told to end."""
        self._get("/_drain")

    def hang(self) -> None:
        """Take connections and never answer; what is open stays open."""
        self._signal(signal.SIGSTOP)

    def kill(self) -> None:
        """As kill -9 does it: connections are reset, new ones refused."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())


class _App:
    """Answers what it was asked, and which version it is."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._draining = False
        self._count = 0

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        length = await self._read(receive)
        status, body = await self._answer(scope, length)
        head = {"type": "http.response.start", "status": status, "headers": _HEADERS}
        await send(head)
        await send({"type": "http.response.body", "body": body.encode()})

    async def _answer(self, scope: Message, length: int) -> tuple[int, str]:
        match scope["path"]:
            case "/_count":
                return 200, str(self._count)
            case "/_drain":
                self._draining = True
                return 200, "draining"
            case _:
                pass
        self._count += 1
        if self._draining:
            return 503, "draining"
        return await self._echo(scope, length)

    async def _echo(self, scope: Message, length: int) -> tuple[int, str]:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        await asyncio.sleep(float(headers.get("x-seconds", "0")))
        told = {"version": self._version, "path": scope["path"], "headers": headers, "length": length}
        return int(headers.get("x-status", "200")), json.dumps(told)

    @staticmethod
    async def _read(receive: Callable[[], Awaitable[Message]]) -> int:
        length, more = 0, True
        while more:
            message = await receive()
            length += len(message.get("body", b""))
            more = message.get("more_body", False)
        return length


class CoalescingTransport:
    """Sends what is written in one turn of the event loop at once: uvicorn writes a head and then a body."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._held:
            asyncio.get_running_loop().call_soon(self._send)
        self._held += data

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._held and not self._transport.is_closing():
            self._transport.write(self._held)
        self._held = b""


class _WholeReplies(HttpToolsProtocol):
    """As the predictor sends them: who stops or ends between a head and its body breaks a request that cannot be tried
    again.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast("asyncio.Transport", CoalescingTransport(transport)))


def main() -> None:
    """Serve until ended."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--version", required=True)
    arguments.add_argument("--port", type=int, required=True)
    given = arguments.parse_args()
    uvicorn.run(
        _App(given.version),
        host="127.0.0.1",
        port=given.port,
        http=_WholeReplies,
        log_level="error",
        lifespan="off",
    )


if __name__ == "__main__":
    main()
