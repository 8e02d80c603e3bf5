"""Counts of tries, for one arm and for both over the same time."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CountedTries:
    """Tries at the servers of one version."""

    tries: int = 0
    """All that ended."""
    failures: int = 0
    """Of these, the failed ones."""

    def __post_init__(self) -> None:
        if not 0 <= self.failures <= self.tries:
            raise ValueError(f"an arm has 0 <= failures <= tries, not {self.failures} failures of {self.tries} tries")

    def __add__(self, other: "CountedTries") -> "CountedTries":
        return CountedTries(tries=self.tries + other.tries, failures=self.failures + other.failures)

    def __sub__(self, other: "CountedTries") -> "CountedTries":
        """Raises ValueError where the other has more."""
        return CountedTries(tries=self.tries - other.tries, failures=self.failures - other.failures)

    @property
    def share(self) -> float:
        """Of the tries, those that failed; of none, 0."""
        return self.failures / self.tries if self.tries else 0.0

    def __str__(self) -> str:
        return f"{self.failures} of {self.tries}" + (f" ({100 * self.share:.3g} %)" if self.failures else "")


@dataclass(frozen=True, slots=True)
class Block:
    """Both arms over the same interval. The share of requests that each arm gets does not change within it."""

    candidate: CountedTries = field(default_factory=CountedTries)
    stable: CountedTries = field(default_factory=CountedTries)

    def __add__(self, other: "Block") -> "Block":
        return Block(candidate=self.candidate + other.candidate, stable=self.stable + other.stable)

    def __sub__(self, other: "Block") -> "Block":
        """Raises ValueError where the other has more."""
        return Block(candidate=self.candidate - other.candidate, stable=self.stable - other.stable)

    @property
    def compares(self) -> bool:
        """Whether both arms were tried: one alone says nothing about the other."""
        return self.candidate.tries > 0 and self.stable.tries > 0
