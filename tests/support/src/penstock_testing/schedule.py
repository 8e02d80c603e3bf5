"""When requests are due: decided before the first one is sent, and by nothing that the answers do."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count, islice

MAX_REQUESTS = 2_000_000
"""No run sends more, whatever it was asked for."""
MAX_SECONDS = 4 * 3600.0
"""No run lasts longer."""


class Arrivals(StrEnum):
    """How requests are spread over time."""

    FIXED = "fixed"
    """One every 1/rate seconds."""
    POISSON = "poisson"
    """Independent arrivals with that mean rate: bursts and gaps, as many users make them."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A rate over a bounded time. Raises ValueError when it is empty or over the hard limits."""

    rate: float
    """Requests a second."""
    seconds: float
    arrivals: Arrivals = Arrivals.FIXED
    seed: int = 1
    """For Poisson arrivals: the same seed gives the same schedule."""

    def __post_init__(self) -> None:
        """Refuse what would never send anything or never end."""
        if not 0 < self.seconds <= MAX_SECONDS:
            raise ValueError(f"a traffic run must last more than 0 and at most {MAX_SECONDS:g} s, not {self.seconds:g}")
        if self.rate <= 0 or self.rate * self.seconds > MAX_REQUESTS:
            raise ValueError(
                f"{self.rate:g} requests a second for {self.seconds:g} s: a traffic run sends at least one request "
                f"and at most {MAX_REQUESTS}; lower the rate or the time",
            )

    def offsets(self) -> Iterator[float]:
        """Seconds from the start at which each request is due, growing, at most MAX_REQUESTS of them."""
        endless = self._fixed() if self.arrivals is Arrivals.FIXED else self._poisson()
        for offset in islice(endless, MAX_REQUESTS):
            if offset >= self.seconds:
                return
            yield offset

    def _fixed(self) -> Iterator[float]:
        # Each from the start, not from the one before: rounding does not add up.
        return (number / self.rate for number in count())

    def _poisson(self) -> Iterator[float]:
        source = random.Random(self.seed)
        offset = 0.0
        while True:
            offset += source.expovariate(self.rate)
            yield offset
