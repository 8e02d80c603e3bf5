"""One time budget through all steps of a request."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from penstock_predictor.errors import DeadlineExceeded


@dataclass(frozen=True)
class Deadline:
    """The end of a request's time."""

    seconds: float
    """The whole budget, for messages."""
    at: float
    clock: Callable[[], float]

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """Start a budget now."""
        return cls(seconds, clock() + seconds, clock)

    @property
    def left(self) -> float:
        """Seconds until the end, never negative."""
        return max(0.0, self.at - self.clock())

    def exceeded(self) -> DeadlineExceeded:
        """The refusal of a request whose time is over."""
        return DeadlineExceeded(f"no answer within {self.seconds:g} s, the time limit of a request")

    def check(self) -> None:
        """Raise DeadlineExceeded after the end."""
        if self.left == 0:
            raise self.exceeded()
