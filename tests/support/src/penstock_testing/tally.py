"""From records to a result: attribution, counting, and whether the driver itself can be trusted."""

from bisect import insort
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Protocol

from penstock_testing.connection import Failure
from penstock_testing.record import RequestRecord
from penstock_testing.recording import Entry, RecordedBody, RecordingEnded, RecordingStarted
from penstock_testing.traffic_result import (
    MAX_KEPT_FAILURES,
    FailedRequest,
    Latency,
    Mark,
    Second,
    TrafficResult,
    percentile,
)

MAX_LATENESS_P99 = 0.05
"""Seconds: a driver later than this did not send the load it claims."""
STALL = 0.1
"""Seconds: a driver that stood still this long may itself have made a request fail."""


class Attribution(Protocol):
    """Tells which version an answer is of."""

    def attribute(self, question: int, body: str) -> str | None:
        """The version, or None for an answer that is no version's."""
        ...


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Counts while the run goes on."""

    sent: int
    failed: int
    by_version: dict[str, int]


class Tally:
    """Takes the entries of a recording in their order; `result` may be asked at any time."""

    def __init__(self, attribution: Attribution, *, deadline_seconds: float) -> None:
        self._attribution, self._deadline = attribution, deadline_seconds
        self._bodies: dict[str, str] = {}
        self._known: dict[tuple[int, str], str | None] = {}
        self._sent = 0
        self._by_version: Counter[str] = Counter()
        self._by_reason: Counter[str] = Counter()
        self._digests: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._seconds: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._from_scheduled: list[float] = []
        self._from_sent: list[float] = []
        self._lateness: list[float] = []
        self._stalls: list[tuple[float, float]] = []
        self._spans: list[tuple[float, float]] = []
        self._failures: list[FailedRequest] = []
        self._sent_times: defaultdict[str, list[float]] = defaultdict(list)
        self._by_question: defaultdict[int, list[tuple[float, str]]] = defaultdict(list)
        self.started: RecordingStarted | None = None
        self.ended: RecordingEnded | None = None

    def add(self, entry: Entry) -> None:
        """Count it."""
        match entry:
            case RecordingStarted():
                self.started = entry
            case RecordedBody():
                self._bodies[entry.key] = entry.text
            case RecordingEnded():
                self.ended = entry
            case RequestRecord():
                self._add_record(entry)

    def progress(self) -> Progress:
        """Cheap enough to ask many times a second."""
        failed = self._by_reason.total()
        return Progress(sent=self._sent, failed=failed, by_version=dict(self._by_version))

    def result(self, *, marks: tuple[Mark, ...] = (), invalid: tuple[str, ...] = ()) -> TrafficResult:
        """Everything so far. `invalid`: reasons of the caller's own, such as a driver that died."""
        lateness = sorted(self._lateness)
        return TrafficResult(
            invalid=(*self._doubts(lateness), *invalid),
            started=self.started.at if self.started else None,
            sent=self._sent,
            failed=self._by_reason.total(),
            failed_by_reason=dict(self._by_reason),
            by_version=dict(self._by_version),
            digests={version: dict(counts) for version, counts in self._digests.items()},
            timeline=tuple(self._second(number) for number in sorted(self._seconds)),
            from_scheduled=Latency.of(self._from_scheduled),
            from_sent=Latency.of(self._from_sent),
            lateness_p99=percentile(lateness, 99) or 0.0,
            lateness_worst=lateness[-1] if lateness else 0.0,
            failures=tuple(self._failures),
            failed_opens=self.ended.failed_opens if self.ended else 0,
            marks=marks,
            sent_times={version: tuple(times) for version, times in self._sent_times.items()},
            by_question={question: tuple(asked) for question, asked in self._by_question.items()},
        )

    def _add_record(self, record: RequestRecord) -> None:
        self._sent += 1
        self._lateness.append(record.lateness)
        if record.lateness > STALL:
            self._stalls.append((record.scheduled.monotonic, record.dispatched))
        version = None if record.failure else self._version(record)
        second = self._seconds[self._second_of(record)]
        second["sent"] += 1
        if version is None:
            second["failed"] += 1
            self._add_failure(record)
        else:
            second[f"version {version}"] += 1
            self._add_answer(record, version)

    def _version(self, record: RequestRecord) -> str | None:
        key = (record.question, record.body)
        if key not in self._known:
            self._known[key] = self._attribution.attribute(record.question, self._bodies.get(record.body, ""))
        return self._known[key]

    def _add_answer(self, record: RequestRecord, version: str) -> None:
        self._by_version[version] += 1
        self._digests[version][record.digest] += 1
        self._from_scheduled.append(record.ended.monotonic - record.scheduled.monotonic)
        if record.sent is not None:
            self._from_sent.append(record.ended.monotonic - record.sent.monotonic)
            insort(self._sent_times[version], record.sent.unix)
            insort(self._by_question[record.question], (record.sent.unix, version))

    def _add_failure(self, record: RequestRecord) -> None:
        reason = record.failure or Failure.WRONG_ANSWER.value
        if record.failure == Failure.NOT_2XX:
            reason = f"{reason}: {record.status}"
        self._by_reason[reason] += 1
        self._spans.append((record.scheduled.monotonic, record.ended.monotonic))
        if len(self._failures) < MAX_KEPT_FAILURES:
            self._failures.append(
                FailedRequest(
                    number=record.number,
                    reason=reason,
                    scheduled=record.scheduled,
                    sent=record.sent,
                    ended=record.ended,
                    local_port=record.local_port,
                    body=self._bodies.get(record.body, "")[:300],
                ),
            )

    def _second_of(self, record: RequestRecord) -> int:
        start = self.started.at.monotonic if self.started else record.scheduled.monotonic
        return int(record.scheduled.monotonic - start)

    def _second(self, number: int) -> Second:
        counts = self._seconds[number]
        prefix = "version "
        versions = {key.removeprefix(prefix): n for key, n in counts.items() if key.startswith(prefix)}
        return Second(second=number, sent=counts["sent"], failed=counts["failed"], by_version=versions)

    def _doubts(self, lateness: list[float]) -> list[str]:
        doubts = []
        late = percentile(lateness, 99)
        if late is None:
            doubts.append("no request was sent")
        elif late > MAX_LATENESS_P99:
            doubts.append(
                f"the driver itself was late: {late:.3f} s (p99) behind its schedule, over {MAX_LATENESS_P99}"
            )
        if blamed := sum(self._driver_stood_still(span) for span in self._spans):
            doubts.append(f"the driver stood still for over {STALL} s while {blamed} of the failed requests were open")
        if self.ended is not None and self.ended.dropped_bodies:
            doubts.append(f"{self.ended.dropped_bodies} answers could not be kept: too many different ones")
        return doubts

    def _driver_stood_still(self, span: tuple[float, float]) -> bool:
        scheduled, ended = span
        # A timer that fires late shows a stall also where no other request was due in it.
        overdue = ended - scheduled - self._deadline > STALL
        return overdue or any(start < ended and end > scheduled for start, end in self._stalls)
