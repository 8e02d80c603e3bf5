"""A registry that answers what no MLflow server would, each kind below a path of its own.

Nothing but the standard library: end-to-end tests run this file as a program in a pod.
"""

import functools
import json
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BODY = "the-body-of-an-answer"
"""Stands in bodies and headers that must be shown nowhere."""
MIB = 2**20
_HUGE = 200 * MIB
_SECONDS = 120.0
"""How long it holds a connection: ends with the server."""


def _version(**fields: Any) -> bytes:
    known = {"name": "m", "version": "1", "creation_timestamp": 1, "status": "READY", "source": "s3://b/k"}
    return json.dumps({"model_version": known | fields}).encode()


class _Hostile(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    elsewhere: str
    asked: Counter[str]
    held: threading.Event

    def _respond(self) -> None:
        kind = self.path.split("/")[1]
        self.asked[kind] += 1
        self.close_connection = True
        with suppress(OSError):  # whoever asked has gone
            KINDS[kind](self)

    do_GET = do_POST = do_PATCH = do_PUT = _respond  # noqa: N815 - names that http.server calls

    def plain(self, status: int, body: bytes, **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def redirect(self) -> None:
        """To another host."""
        self.plain(302, BODY.encode(), Location=f"{self.elsewhere}/stolen{self.path}")

    def bomb(self) -> None:
        """Small on the wire."""
        self.plain(200, _bomb(), Content_Encoding="gzip")

    def huge(self) -> None:
        """Large on the wire."""
        self.send_response(200)
        self.send_header("Content-Length", str(_HUGE))
        self.end_headers()
        self.wfile.write(b'{"model_version": "')
        for _ in range(_HUGE // MIB):
            self.wfile.write(b"x" * MIB)

    def endless(self) -> None:
        """A body that never ends, quickly."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.held.is_set():
            self.wfile.write(b"400\r\n" + b" " * 1024 + b"\r\n")

    def drip_body(self) -> None:
        """A byte now and then: no read ever times out."""
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self._drip(b" ")

    def drip_head(self) -> None:
        """The same before the body."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self._drip(b"X-A: b\r\n")

    def _drip(self, what: bytes) -> None:
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline and not self.held.wait(0.1):
            self.wfile.write(what)
            self.wfile.flush()

    def hang(self) -> None:
        """Nothing at all."""
        self.held.wait(_SECONDS)

    def no_http(self) -> None:
        """Another protocol."""
        self.wfile.write(f"SSH-2.0-{BODY}\r\n\r\n".encode())

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@functools.cache
def _bomb() -> bytes:
    """Made piece by piece: whoever measures this process measures the client that is in it too."""
    pack = zlib.compressobj(1, wbits=16 + zlib.MAX_WBITS)
    pieces = [pack.compress(b'{"model_version": "'), *(pack.compress(b"x" * MIB) for _ in range(_HUGE // MIB))]
    return b"".join((*pieces, pack.compress(b'"}'), pack.flush()))


KINDS: dict[str, Callable[[_Hostile], None]] = {
    "list": lambda to: to.plain(200, b"[]"),
    "string": lambda to: to.plain(200, json.dumps(BODY).encode()),
    "version-of-another-type": lambda to: to.plain(200, _version(version={"a": BODY})),
    "time-of-another-type": lambda to: to.plain(200, _version(creation_timestamp=[BODY])),
    "nan": lambda to: to.plain(200, _version(creation_timestamp=float("nan"))),
    "no-number": lambda to: to.plain(200, _version(version="1/../../2")),
    "no-fields": lambda to: to.plain(200, b"{}"),
    "null": lambda to: to.plain(200, b'{"model_version": null}'),
    "deep": lambda to: to.plain(200, b"[" * 100_000),
    "half": lambda to: to.plain(200, _version()[:-20]),
    "no-text": lambda to: to.plain(200, b"\xff\xfe\x00"),
    "empty": lambda to: to.plain(200, b""),
    "html": lambda to: to.plain(200, f"<html>{BODY}</html>".encode(), Content_Type="text/html"),
    "html-404": lambda to: to.plain(404, f"<html>{BODY}</html>".encode(), Content_Type="text/html"),
    "error": lambda to: to.plain(500, BODY.encode()),
    "error-of-mlflow": lambda to: to.plain(500, json.dumps({"error_code": BODY, "message": BODY}).encode()),
    "too-many": lambda to: to.plain(429, BODY.encode(), Retry_After="3600"),
    "away-for-an-hour": lambda to: to.plain(503, BODY.encode(), Retry_After="3600"),
    "retry-after-nonsense": lambda to: to.plain(429, b"", Retry_After=f"-1e999 {BODY}"),
    "redirect": _Hostile.redirect,
    "gzip-bomb": _Hostile.bomb,
    "no-gzip": lambda to: to.plain(200, _version(), Content_Encoding="gzip"),
    "huge": _Hostile.huge,
    "endless": _Hostile.endless,
    "drip-body": _Hostile.drip_body,
    "drip-head": _Hostile.drip_head,
    "hang": _Hostile.hang,
    "no-http": _Hostile.no_http,
}


class HostileRegistry:
    """A running one."""

    def __init__(self, server: ThreadingHTTPServer, asked: Counter[str]) -> None:
        self._server = server
        self.asked = asked
        """Requests by kind; `stolen`: those that followed the redirect."""

    def uri(self, kind: str) -> str:
        """The registry that answers in this way."""
        return f"http://127.0.0.1:{self._server.server_port}/{kind}"


def _server(address: tuple[str, int]) -> tuple[ThreadingHTTPServer, Counter[str], threading.Event]:
    _bomb()  # now: whoever asks waits for no packing
    asked: Counter[str] = Counter()
    held = threading.Event()
    handler = type("Handler", (_Hostile,), {"asked": asked, "held": held})
    server = ThreadingHTTPServer(address, handler)
    # Another name is another host.
    handler.elsewhere = f"http://localhost:{server.server_port}"  # type: ignore[attr-defined] # made two lines above
    return server, asked, held


KINDS["stolen"] = lambda to: to.plain(200, _version())


@contextmanager
def hostile_registry() -> Iterator[HostileRegistry]:
    """Run one. Ended with the block, and with it all that it holds."""
    server, asked, held = _server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield HostileRegistry(server, asked)
    finally:
        held.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


if __name__ == "__main__":
    _server(("", int(sys.argv[1])))[0].serve_forever()
