"""Moments as they are written."""

from datetime import UTC, datetime
from typing import Literal


def rfc3339(at: float, to: Literal["seconds", "milliseconds", "microseconds"] = "seconds") -> str:
    """A Unix time in words, UTC. `to`: the digits that it has."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=to).replace("+00:00", "Z")
