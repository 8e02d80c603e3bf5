"""One time budget through all steps of a request."""

import time

from penstock_predictor.errors import BadRequest, DeadlineExceeded

_DIGITS = 12
"""Of a number of milliseconds that is not worth another look."""


class Deadline:
    """The end of a request's time, on `time.monotonic`."""

    __slots__ = ("at", "seconds")

    def __init__(self, at: float, seconds: float) -> None:
        self.at = at
        self.seconds = seconds
        """The whole budget, for messages."""

    @classmethod
    def after(cls, seconds: float, *, now: float | None = None) -> "Deadline":
        """Start a budget, now where no time is given."""
        return cls((time.monotonic() if now is None else now) + seconds, seconds)

    @classmethod
    def within(cls, seconds: float, asked_ms: bytes | None, *, now: float) -> "Deadline":
        """A budget of at most that many seconds, or of the milliseconds that the caller asks for. Raises BadRequest."""
        if asked_ms is None:
            return cls(now + seconds, seconds)
        if not asked_ms.isdigit() or len(asked_ms) > _DIGITS or int(asked_ms) == 0:
            raise BadRequest("x-request-timeout-ms: expected a whole number of milliseconds, at least 1")
        return cls.after(min(seconds, int(asked_ms) / 1000), now=now)

    @property
    def left(self) -> float:
        """Seconds until the end, never negative."""
        return max(0.0, self.at - time.monotonic())

    def exceeded(self) -> DeadlineExceeded:
        """The refusal of a request whose time is over."""
        return DeadlineExceeded(f"no answer within {self.seconds:g} s, the time limit of this request")
