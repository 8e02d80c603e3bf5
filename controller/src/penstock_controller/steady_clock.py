"""The clock of a process: what the wall showed when it began, and what has passed since."""

from collections.abc import Callable
from datetime import datetime, timedelta


class SteadyClock:
    """NTP, a person or a hypervisor may set the wall clock: durations go on as they were."""

    def __init__(self, wall: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        """`wall`: aware, UTC. `monotonic`: seconds."""
        self._began = wall()
        self._monotonic = monotonic
        self._zero = monotonic()

    def __call__(self) -> datetime:
        """Now."""
        return self._began + timedelta(seconds=self._monotonic() - self._zero)
