# ruff: noqa: INP001
"""Figures over rounds."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Of one figure over the rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        """Of at least one value."""
        ranked = sorted(values)
        return cls(median=round(statistics.median(ranked), 3), least=round(ranked[0], 3), most=round(ranked[-1], 3))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def milliseconds(seconds: float | None) -> float:
    """Return it rounded to microseconds; raises RuntimeError where there is nothing."""
    if seconds is None:
        raise RuntimeError("no request was answered; see what Envoy and the agent wrote above")
    return round(1000 * seconds, 3)
