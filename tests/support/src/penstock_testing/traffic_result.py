"""What a traffic run showed."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from penstock_testing.record import Stamp

MAX_KEPT_FAILURES = 1000


@dataclass(frozen=True, kw_only=True)
class FailedRequest:
    """Enough to find out what happened to it."""

    number: int
    reason: str
    """A word of `Failure`, with the status where there was one."""
    scheduled: Stamp
    sent: Stamp | None
    ended: Stamp
    local_port: int
    body: str
    """The answer's first 300 characters, for a wrong answer."""


@dataclass(frozen=True, kw_only=True)
class Second:
    """One second of the timeline."""

    second: int
    """Since the start of the schedule, by scheduled send time."""
    sent: int
    failed: int
    by_version: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Seconds until the answer, over answered requests; None when there were none."""

    p50: float | None
    p99: float | None
    worst: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Latency":
        """Nearest-rank percentiles: each is a latency that some request had."""
        ranked = sorted(round(each, 6) for each in seconds)
        return cls(p50=percentile(ranked, 50), p99=percentile(ranked, 99), worst=ranked[-1] if ranked else None)

    def describe(self) -> str:
        """In milliseconds."""
        if self.p50 is None or self.p99 is None or self.worst is None:
            return "no answers"
        return f"{1000 * self.p50:.1f} ms (p50), {1000 * self.p99:.1f} ms (p99), {1000 * self.worst:.1f} ms (worst)"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something the test did, on the same clocks as the requests."""

    label: str
    at: Stamp


@dataclass(frozen=True, kw_only=True)
class TrafficResult:
    """Every request is in `by_version` or in `failed`, and in one of them only."""

    invalid: tuple[str, ...]
    """Why this run proves nothing, the driver's own lateness first among the reasons; empty: it is valid."""
    started: Stamp | None
    sent: int
    """Requests that were due, whether or not a connection could be had: what the rates are of."""
    failed: int
    failed_by_reason: Mapping[str, int]
    by_version: Mapping[str, int]
    digests: Mapping[str, Mapping[str, int]]
    """Version to the digests that its answers claimed, with counts."""
    timeline: tuple[Second, ...]
    from_scheduled: Latency
    from_sent: Latency
    lateness_p99: float
    """Seconds by which the driver itself was late."""
    lateness_worst: float
    failures: tuple[FailedRequest, ...]
    """The first MAX_KEPT_FAILURES."""
    failed_opens: int
    """Connections that could not be opened: no request was on them."""
    marks: tuple[Mark, ...]
    sent_times: Mapping[str, tuple[float, ...]]
    """Version to the Unix times at which the requests that it answered were sent, growing."""
    by_question: Mapping[int, tuple[tuple[float, str], ...]]
    """Question to the Unix times at which it was asked, growing, each with the version that answered."""

    @property
    def valid(self) -> bool:
        """Whether the driver did its part, so that failures are the system's."""
        return not self.invalid

    def assert_none_failed(self) -> None:
        """Print the facts. Raise AssertionError with them when a request failed, or when the run proves nothing."""
        print(self.describe())
        assert self.valid, self.describe()
        assert self.failed == 0, self.describe()

    def sent_after(self, unix: float, version: str) -> int:
        """How many requests that were sent after that Unix time were answered by `version`."""
        times = self.sent_times.get(version, ())
        return len(times) - bisect_right(times, unix)

    def by_version_between(self, start: float, end: float) -> dict[str, int]:
        """Version to how many requests it answered of those sent between two Unix times; none that answered nothing."""
        counts = {
            version: bisect_right(times, end) - bisect_left(times, start) for version, times in self.sent_times.items()
        }
        return {version: count for version, count in counts.items() if count}

    def versions_between(self, question: int, start: float, end: float) -> set[str]:
        """The versions that answered one question where it was sent between two Unix times."""
        return {version for at, version in self.by_question.get(question, ()) if start <= at <= end}

    def in_flight_at(self, unix: float) -> list[FailedRequest]:
        """The failures that were under way at that Unix time, to half a second."""
        return [
            each
            for each in self.failures
            if each.sent is not None and each.sent.unix <= unix + 0.5 and each.ended.unix >= unix - 0.5
        ]

    def first_sent(self, version: str) -> float | None:
        """Unix time at which the first request that `version` answered was sent."""
        times = self.sent_times.get(version, ())
        return times[0] if times else None

    def describe(self) -> str:
        """A few lines for a person, also the message of a failed assertion."""
        parts = [f"{self.sent} sent, {self.failed} failed", f"by version {dict(self.by_version)}"]
        if self.failed:
            parts.append(f"failed by reason {dict(self.failed_by_reason)}")
        late = f"driver late by {1000 * self.lateness_p99:.1f} ms (p99), {1000 * self.lateness_worst:.1f} ms (worst)"
        lines = ["; ".join(parts), f"latency from scheduled: {self.from_scheduled.describe()}; {late}"]
        lines += [f"INVALID: {reason}" for reason in self.invalid]
        lines += [f"  {failure}" for failure in self.failures[:5]]
        return "\n".join(lines)

    def summary(self) -> dict[str, Any]:
        """As JSON-ready data, without the per-request times."""
        kept = {
            key: value for key, value in asdict(self).items() if key not in ("sent_times", "by_question", "failures")
        }
        return {**kept, "valid": self.valid, "failures": [asdict(failure) for failure in self.failures[:20]]}


def percentile(ranked: Sequence[float], per_cent: float) -> float | None:
    """Nearest rank in an ascending sequence; None when it is empty."""
    if not ranked:
        return None
    return ranked[max(0, ceil(per_cent / 100 * len(ranked)) - 1)]
