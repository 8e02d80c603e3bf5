"""What the event loop does for traces: follows the few requests that are sampled. It makes no span."""

from collections import deque
from collections.abc import Callable
from typing import Final

from penstock_predictor.tracing.trace import Trace
from penstock_predictor.tracing.trace_parent import is_sampled

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
