"""What the forwarder needs of a place that records go to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock_drift_monitor.outbox import Outgoing


class SinkAway(Exception):
    """It did not take them now, and may later. The message says what happened and what to look at."""


@dataclass(frozen=True)
class SendResult:
    """What became of batches that are done with."""

    rows: int
    refused: int = 0
    """Rows that the other side will never take."""


class Sink(Protocol):
    """A place that records go to."""

    @property
    def name(self) -> str:
        """Of its mark and its series."""
        ...

    def next(self, waiting: Sequence[Outgoing], now: float) -> Sequence[Outgoing]:
        """Choose which of the oldest batches go together now; none: not yet.

        `now`: Unix seconds; all that came before is here.
        """
        ...

    async def send(self, epoch: str, batches: Sequence[Outgoing]) -> SendResult:
        """Send them, or what is left of them after the last try. Raises SinkAway."""
        ...

    async def close(self) -> None:
        """Give back what it holds."""
        ...
