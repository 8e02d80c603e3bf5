"""An API server that answers by a script, over real HTTP: what a real one answers only when it misbehaves."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_SECONDS = 20.0

ScriptedAnswer = tuple[int, list[dict[str, Any]]]
"""An HTTP status, and documents that follow each other a line each."""


class ScriptedApi:
    """Gives its answers in their order, each once; then it keeps every caller waiting."""

    def __init__(self) -> None:
        self.answers: list[ScriptedAnswer] = []
        self.paths: list[str] = []
        """What was called for."""
        self.over = threading.Event()
        self.url = ""

    def next_answer(self, path: str) -> ScriptedAnswer | None:
        """The answer to this call; None: the script is at its end."""
        self.paths.append(path)
        return self.answers.pop(0) if self.answers else None


@contextmanager
def scripted_api() -> Iterator[ScriptedApi]:
    """One that listens on loopback until the end of the context."""
    api = ScriptedApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = api.next_answer(self.path)
            self.send_response(answer[0] if answer else 200)
            self.end_headers()
            if answer is None:
                api.over.wait(_SECONDS)
                return
            for document in answer[1]:
                self.wfile.write(json.dumps(document).encode() + b"\n")

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    yield api
    api.over.set()
    server.shutdown()
