"""A resource's course, as it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class RolloutPoint:
    """What held from a moment on."""

    at: float
    """Unix time."""
    phase: str
    weights: Mapping[str, int]
    """Version to its share of users' requests, in per cent."""
    decision: str
    """How the latest attempt ended; empty: none has."""


@dataclass(frozen=True, kw_only=True)
class Tries:
    """Tries of users' requests at a version's servers."""

    tries: int
    failures: int


@dataclass(frozen=True, kw_only=True)
class TriesSpan:
    """Tries between two moments (Unix times), by version."""

    since: float
    until: float
    versions: Mapping[str, Tries]


@dataclass(frozen=True, kw_only=True)
class RowsSpan:
    """Rows recorded between two moments (Unix times), by version."""

    since: float
    until: float
    rows: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class VersionFigure:
    """How good a version is by its leading figure, and between what the truth lies."""

    figure: str
    value: float | None
    low: float | None
    high: float | None
    labelled: int


@dataclass(frozen=True, kw_only=True)
class QualityPoint:
    """Of all versions that had labels at a moment (Unix time)."""

    at: float
    versions: Mapping[str, VersionFigure]


@dataclass(frozen=True, kw_only=True)
class Course:
    """All series of a resource, oldest points first. Empty: nothing was noted yet."""

    column_times: tuple[float, ...] = ()
    """Unix times of the columns' points."""
    columns: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    """Name to the score at each of those times as a part of its threshold; None: it was not judged."""
    rollout: tuple[RolloutPoint, ...] = ()
    tries: tuple[TriesSpan, ...] = ()
    rows: tuple[RowsSpan, ...] = ()
    quality: tuple[QualityPoint, ...] = ()
