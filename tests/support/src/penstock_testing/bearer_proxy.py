"""A reverse proxy that lets nobody through without a token, as stands before many MLflow servers."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

TOKEN = "a-token-of-tests"  # noqa: S105 - of a server that lives as long as a test
_DROPPED = {"transfer-encoding", "connection", "content-encoding", "content-length", "host"}


class _Handler(BaseHTTPRequestHandler):
    target: str
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer(httpx.codes.UNAUTHORIZED, {}, b"who are you?")
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _DROPPED}
        answer = httpx.request(self.command, self.target + self.path, headers=headers, content=body, timeout=10)
        return self._answer(answer.status_code, dict(answer.headers), answer.content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _pass_on  # noqa: N815 - names that http.server calls

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _DROPPED:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def bearer_proxy(target: str) -> Iterator[str]:
    """Run one before a server's base URL; answers its own. Ended with the block."""
    handler = type("Handler", (_Handler,), {"target": target})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)
