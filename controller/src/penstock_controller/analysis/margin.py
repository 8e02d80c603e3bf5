"""How much worse a candidate may be."""

from dataclasses import dataclass

_MOST = 0.99


@dataclass(frozen=True, slots=True)
class Margin:
    """A difference of failure rates: an absolute one or a share of stable's rate, whichever is larger at the time."""

    absolute: float
    """Within [0, 1)."""
    relative: float = 0.0
    """A share of stable's failure rate, 0 or more."""

    def __post_init__(self) -> None:
        if not 0 <= self.absolute < 1:
            raise ValueError(f"an absolute margin is a share from 0 to below 1, not {self.absolute}")
        if not 0 <= self.relative < float("inf"):
            raise ValueError(f"a relative margin is 0 or more, not {self.relative}")

    def at(self, rate: float) -> float:
        """The difference that is allowed where stable fails at this rate; always below 1."""
        return min(_MOST, max(self.absolute, self.relative * rate))
