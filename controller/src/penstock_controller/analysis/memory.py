"""What is remembered of an arm's earlier blocks."""

from dataclasses import dataclass
from typing import Self

from penstock_controller.analysis.counts import CountedTries
from penstock_controller.analysis.rounding import significant


@dataclass(frozen=True, slots=True)
class Memory:
    """Recent tries of an arm. Older ones fade as new ones come, so that the rate follows what changes."""

    tries: float = 0.0
    failures: float = 0.0

    def after(self, arm: CountedTries, span: int) -> Self:
        """With a block more. At most `span` older tries keep their weight."""
        kept = min(1.0, span / self.tries) if self.tries else 1.0
        return type(self)(
            tries=significant(kept * self.tries + arm.tries),
            failures=significant(kept * self.failures + arm.failures),
        )

    def rate(self, expected: float, weight: float) -> float:
        """The failure rate, drawn to what is expected as if that had been seen in `weight` tries."""
        return (self.failures + expected * weight) / (self.tries + weight)
