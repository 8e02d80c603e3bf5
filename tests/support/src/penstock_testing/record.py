"""What the driver knows about one request after it ended."""

from dataclasses import astuple, dataclass
from typing import Any, NamedTuple


class Stamp(NamedTuple):
    """A moment on both clocks of this machine."""

    monotonic: float
    """Seconds of CLOCK_MONOTONIC: the same in every process; for differences."""
    unix: float
    """Unix time in seconds: for comparing with what the cluster says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """One request, sent or not."""

    number: int
    """Its place in the schedule, from 0."""
    question: int
    """Which of the distinct requests it was."""
    scheduled: Stamp
    dispatched: float
    """Monotonic: when the driver turned to it. Later than scheduled means that the driver itself was late."""
    sent: Stamp | None
    """When it was written to a connection; None: it never was."""
    ended: Stamp
    """Answered, or failed."""
    status: int
    failure: str
    """A word of `Failure`, or empty."""
    body: str
    """Key of the answer's body in the recording; empty: no complete body."""
    revision: str
    """The gateway's revision header."""
    digest: str
    """The predictor's digest header."""
    request_id: str
    """What the gateway called it: by this name its truth is told later."""
    local_port: int
    """Of the connection it was written to; 0: none."""

    @property
    def lateness(self) -> float:
        """Seconds by which the driver itself was late with it."""
        return self.dispatched - self.scheduled.monotonic

    def row(self) -> list[Any]:
        """As a JSON array in the order of the fields; moments to the microsecond."""
        return [_rounded(value) for value in astuple(self)]

    @classmethod
    def from_row(cls, row: list[Any]) -> "RequestRecord":
        """The reverse of `row`."""
        number, question, scheduled, dispatched, sent, ended, *rest = row
        status, failure, body, revision, digest, request_id, local_port = rest
        return cls(
            number=number,
            question=question,
            scheduled=Stamp(*scheduled),
            dispatched=dispatched,
            sent=None if sent is None else Stamp(*sent),
            ended=Stamp(*ended),
            status=status,
            failure=failure,
            body=body,
            revision=revision,
            digest=digest,
            request_id=request_id,
            local_port=local_port,
        )


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, tuple):
        return [_rounded(part) for part in value]
    return value
