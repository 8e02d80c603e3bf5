"""What one run of load found."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of one contestant in one round."""

    requests: int
    seconds: float
    p50: float
    """Milliseconds from when a request was sent."""
    p99: float
    problems: tuple[str, ...] = ()
    """Why this run does not count; empty: it does."""

    @property
    def per_second(self) -> float:
        """Answered requests."""
        return self.requests / self.seconds
