"""The file between the driver's process and the test: one JSON array a line, readable while it grows."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from penstock_testing.record import RequestRecord, Stamp

MAX_DISTINCT_BODIES = 200_000
MAX_BODIES_BYTES = 256 << 20


@dataclass(frozen=True, kw_only=True)
class RecordingStarted:
    """The schedule begins."""

    at: Stamp
    warm: int
    """Connections that were open."""


@dataclass(frozen=True, kw_only=True)
class RecordedBody:
    """A body seen for the first time; records name it by its key."""

    key: str
    text: str


@dataclass(frozen=True, kw_only=True)
class RecordingEnded:
    """Every request that was due has its record."""

    at: Stamp
    opened: int
    failed_opens: int
    closed: int
    dropped_bodies: int
    """Distinct bodies beyond the limits: their records have no body."""


Entry = RecordingStarted | RecordedBody | RequestRecord | RecordingEnded


class RecordingWriter:
    """Appends entries; equal bodies are written once, within limits."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._known: set[str] = set()
        self._bytes = 0
        self.dropped_bodies = 0

    def started(self, at: Stamp, *, warm: int) -> None:
        """Write `RecordingStarted` and flush: somebody waits for it."""
        self._write("started", at, warm)
        self._file.flush()

    def body(self, body: bytes) -> str:
        """Write `body` unless it is known; answer its key, empty when it cannot be kept."""
        key = hashlib.sha256(body).hexdigest()[:24]
        if key in self._known:
            return key
        if len(self._known) >= MAX_DISTINCT_BODIES or self._bytes + len(body) > MAX_BODIES_BYTES:
            self.dropped_bodies += 1
            return ""
        self._known.add(key)
        self._bytes += len(body)
        self._write("body", key, body.decode("utf-8", "replace"))
        return key

    def record(self, record: RequestRecord) -> None:
        """Append a record; `flush` makes it visible."""
        self._write("record", *record.row())

    def ended(self, at: Stamp, *, opened: int, failed_opens: int, closed: int) -> None:
        """Write `RecordingEnded` and flush."""
        self._write("ended", at, opened, failed_opens, closed, self.dropped_bodies)
        self._file.flush()

    def flush(self) -> None:
        """Make what was written visible to readers."""
        self._file.flush()

    def _write(self, *row: object) -> None:
        self._file.write(json.dumps(row, separators=(",", ":")) + "\n")


class RecordingReader:
    """Reads what is there so far; a line still being written waits for the next call."""

    def __init__(self, path: Path) -> None:
        self._file = path.open(encoding="utf-8")
        self._partial = ""

    def entries(self) -> Iterator[Entry]:
        """What was appended since the last call."""
        for line in self._file:
            self._partial += line
            if self._partial.endswith("\n"):
                row = json.loads(self._partial)
                self._partial = ""
                yield _entry(row)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _entry(row: list[Any]) -> Entry:
    match row:
        case ["record", *rest]:
            return RequestRecord.from_row(rest)
        case ["body", key, text]:
            return RecordedBody(key=key, text=text)
        case ["started", at, warm]:
            return RecordingStarted(at=Stamp(*at), warm=warm)
        case ["ended", at, opened, failed_opens, closed, dropped]:
            return RecordingEnded(
                at=Stamp(*at),
                opened=opened,
                failed_opens=failed_opens,
                closed=closed,
                dropped_bodies=dropped,
            )
        case _:
            raise ValueError(f"a line of the recording that no driver writes: {row!r:.200}")
