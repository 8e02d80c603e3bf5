"""The W3C header `traceparent`: whether its trace is sampled, and heads without it."""

import re
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
