"""What the event loop does for traces: it follows the few requests that are sampled. It makes no span."""

import re
from collections import deque
from collections.abc import Callable
from typing import Final

TRACE_PARENT: Final = b"traceparent"

_LENGTH: Final = 55
"""Of `version-trace id-span id-flags`; later versions may say more behind it."""
_FLAGS_END: Final = 54
_ODD: Final = frozenset(b"13579bdf")
"""Last digits of flags that say: sampled."""
_LINE: Final = re.compile(
    rb"\r\n" + TRACE_PARENT + rb": ([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})(?=\r\n[^ \t])"
)
"""As gateways write it, on a line of its own."""


def is_sampled(parent: bytes) -> bool:
    """Whether who began the trace wants spans of it."""
    return len(parent) >= _LENGTH and parent[_FLAGS_END] in _ODD


def without_trace_parent(data: bytes) -> tuple[bytes, bytes | None]:
    """A message whose head begins the data, less that line, and what the line says; the data itself where it has none.

    A request has a trace context of its own: its head is otherwise that of the request before.
    """
    line = _LINE.search(data, 0, data.find(b"\r\n\r\n") + 4)
    if line is None:
        return data, None
    return data[: line.start()] + data[line.end() :], line[1]


class Trace:
    """What is known of one request whose trace is sampled. Its spans are made of it in another thread.

    Times are on `time.monotonic`, in seconds.
    """

    __slots__ = (
        "batch_requests",
        "batch_rows",
        "code",
        "ended",
        "parent",
        "queued",
        "request_id",
        "route",
        "rows",
        "run_ended",
        "run_started",
        "shadow",
        "started",
    )

    def __init__(self, parent: bytes, started: float, request_id: bytes | None, *, shadow: bool) -> None:
        self.parent = parent
        """The header `traceparent`, as it came."""
        self.started = started
        self.request_id = request_id
        self.shadow = shadow
        """Whether the gateway says that it is a copy whose answer nobody sees."""
        self.queued = 0.0
        """When it was before the model; this and what follows is 0 for a request that no run took."""
        self.run_started = 0.0
        self.run_ended = 0.0
        self.rows = 0
        """Of this request; 0 where they cannot share a run."""
        self.batch_rows = 0
        """Of all that were computed in the same run."""
        self.batch_requests = 0
        self.route = ""
        self.code = 0
        """HTTP status of its answer."""
        self.ended = 0.0

    def note_run(
        self, *, queued: float, started: float, seconds: float, rows: int, batch_rows: int, requests: int
    ) -> None:
        """Note the run that computed it."""
        self.queued = queued
        self.run_started = started
        self.run_ended = started + seconds
        self.rows = rows
        self.batch_rows = batch_rows
        self.batch_requests = requests

    @property
    def spans(self) -> int:
        """How many are made of it: the request, and where it was computed its wait and the run."""
        return 3 if self.run_ended else 1


MOST_WAITING: Final = 4096
"""Requests whose spans wait to be made; about a KiB each."""


class Tracer:
    """Used on the event loop only. Another thread takes from `ended`, and neither ever waits."""

    def __init__(self, dropped: Callable[[int], None]) -> None:
        """`dropped` is told of spans for which there was no room."""
        self.ended: deque[Trace] = deque()
        self._dropped = dropped

    def begin(self, parent: bytes, started: float, request_id: bytes | None, *, shadow: bool) -> Trace | None:
        """Follow a request; None: its trace is not sampled."""
        return Trace(parent, started, request_id, shadow=shadow) if is_sampled(parent) else None

    def end(self, trace: Trace, route: str, code: int, now: float) -> None:
        """Its answer was given."""
        trace.route = route
        trace.code = code
        trace.ended = now
        if len(self.ended) < MOST_WAITING:
            self.ended.append(trace)
        else:
            self._dropped(trace.spans)
