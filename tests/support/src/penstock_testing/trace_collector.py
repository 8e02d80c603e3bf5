"""A collector of traces on loopback: takes OTLP over HTTP, and keeps the spans that it decoded."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Status
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Told

WAIT_SECONDS = 60.0
SERVER, CLIENT = Told.SPAN_KIND_SERVER, Told.SPAN_KIND_CLIENT


@dataclass(frozen=True, kw_only=True)
class Span:
    """One of them, as it was received."""

    trace: str
    id: str
    parent: str
    """Empty: it has none."""
    name: str
    kind: int
    failed: bool
    start: int
    """Unix time in nanoseconds; so is the end."""
    end: int
    tags: Mapping[str, str]
    resource: Mapping[str, str]

    @property
    def service(self) -> str:
        """Who made it."""
        return self.resource["service.name"]


class TraceCollector:
    """Listens from `start` to `close`."""

    def __init__(self) -> None:
        self.status = 200
        """Of each answer."""
        self.gate = threading.Event()
        """No answer is given before it is set."""
        self.gate.set()
        self.asked = 0
        self._spans: list[Span] = []
        collector = self

        class SpanHandler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = _chunked(self.rfile) if "transfer-encoding" in self.headers else self.rfile.read(_length(self))
                collector.asked += 1
                collector.gate.wait(WAIT_SECONDS)
                status = collector.status if self.path == "/v1/traces" else 404
                if status == 200:
                    collector.keep(body)
                with contextlib.suppress(OSError):  # who asked has ended
                    self.send_response(status)
                    self.send_header("content-length", "0")
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), SpanHandler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> Sequence[Span]:
        """All that were taken so far."""
        return tuple(self._spans)

    def start(self) -> Self:
        """Answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def close(self) -> None:
        """End."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def keep(self, body: bytes) -> None:
        """Take an export."""
        self._spans += spans_of(body)

    def until(self, holds: Callable[[Sequence[Span]], bool]) -> Sequence[Span]:
        """Wait for spans of which this holds; return all there are."""
        end = time.monotonic() + WAIT_SECONDS
        while not holds(self.spans):
            assert time.monotonic() < end, self.spans
            time.sleep(0.02)
        return self.spans


def spans_of(body: bytes) -> list[Span]:
    """All spans of an export."""
    return [span for one in ExportTraceServiceRequest.FromString(body).resource_spans for span in _spans(one)]


def _length(handler: BaseHTTPRequestHandler) -> int:
    return int(handler.headers["content-length"])


def _chunked(stream: BufferedIOBase) -> bytes:
    whole = b""
    while size := int(stream.readline(), 16):
        whole += stream.read(size)
        stream.readline()
    stream.readline()
    return whole


def _spans(one: ResourceSpans) -> list[Span]:
    resource = _tags(one.resource.attributes)
    return [
        Span(
            trace=span.trace_id.hex(),
            id=span.span_id.hex(),
            parent=span.parent_span_id.hex(),
            name=span.name,
            kind=span.kind,
            failed=span.status.code == Status.STATUS_CODE_ERROR,
            start=span.start_time_unix_nano,
            end=span.end_time_unix_nano,
            tags=_tags(span.attributes),
            resource=resource,
        )
        for scope in one.scope_spans
        for span in scope.spans
    ]


def _tags(attributes: Sequence[KeyValue]) -> Mapping[str, str]:
    return {one.key: str(getattr(one.value, one.value.WhichOneof("value") or "string_value")) for one in attributes}
