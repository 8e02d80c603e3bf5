"""A receiver of CloudEvents that reads them with the CloudEvents SDK."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cloudevents.core.bindings.http import HTTPMessage, from_http_event


@dataclass
class Receiver:
    """What came, and what is answered."""

    events: list[dict[str, Any]] = field(default_factory=list)
    """Attributes, with the event's JSON as `data`."""
    authorizations: set[str | None] = field(default_factory=set)
    posts: int = 0
    status: int = 202
    refused_id: str = ""
    """Events of that id get 400."""
    stops_after: int | None = None
    """Events, after which it answers 503."""
    url: str = ""

    def ids(self, kind: str) -> list[str]:
        return [event["id"] for event in self.events if event["type"].endswith(kind)]

    def answer(self, headers: dict[str, str], body: bytes) -> int:
        """Take the events of one POST."""
        self.posts += 1
        events = _read(headers, body)
        if self.stops_after is not None and len(self.events) >= self.stops_after:
            return 503
        if any(event["id"] == self.refused_id for event in events):
            return 400
        if self.status < 300:
            self.events += events
            self.authorizations.add(headers.get("authorization"))
        return self.status


def _read(headers: dict[str, str], body: bytes) -> list[dict[str, Any]]:
    if headers["content-type"] == "application/cloudevents-batch+json":
        # The SDK knows no batches, but each of their events.
        messages = [
            HTTPMessage({"content-type": "application/cloudevents+json"}, json.dumps(each).encode())
            for each in json.loads(body)
        ]
    else:
        messages = [HTTPMessage(headers, body)]
    found = [from_http_event(message) for message in messages]
    return [{**event.get_attributes(), "data": event.get_data()} for event in found]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run one."""
    there = Receiver()
    turn = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with turn:
                status = there.answer({name.lower(): value for name, value in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has in the base
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there.url = f"http://127.0.0.1:{server.server_port}/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
