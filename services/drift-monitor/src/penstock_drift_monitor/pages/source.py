from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock_contracts.drift import DriftReport, DriftWish
from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.course.course import Course
from penstock_drift_monitor.reports.columns import Values


@dataclass(frozen=True, kw_only=True)
class WatchedModel:
    """A resource, and what is known of it now."""

    wish: DriftWish
    report: DriftReport
    last_record: str | None
    """When its latest recorded row was served (RFC 3339); None: none was."""


@dataclass(frozen=True, kw_only=True)
class SilentReplica:
    """Another replica whose models are not known now."""

    name: str
    why: str


@dataclass(frozen=True, kw_only=True)
class FleetElsewhere:
    """What other replicas watch."""

    models: Sequence[WatchedModel] = ()
    silent: Sequence[SilentReplica] = ()


class OtherReplicas(Protocol):
    """Who watches what is not watched here."""

    async def watched(self) -> FleetElsewhere:
        """Give what the others watch, and who did not say so in time."""
        ...


@dataclass(frozen=True, kw_only=True)
class ReportWindow:
    """Rows of the reference sample and of the window that is kept: each column's in the same order."""

    reference: Mapping[str, Values]
    current: Mapping[str, Values]
    labels: Sequence[int | None] | None = None
    """The true class of each current row, as far as it is known."""


class ReportSource(Protocol):
    """Who knows what is watched. Names come from an address: any text."""

    async def watched(self) -> Sequence[WatchedModel]:
        """Give every watched model, in any order."""
        ...

    async def model(self, namespace: str, name: str) -> WatchedModel | None:
        """Give one; None: it is not watched."""
        ...

    async def quality(self, namespace: str, name: str) -> QualityReport:
        """Give the live quality of one that is watched, from its labels."""
        ...

    async def window(self, namespace: str, name: str) -> ReportWindow | None:
        """Give its rows; None: it is not watched. A sample that does not exist yet has no columns."""
        ...


class CourseSource(Protocol):
    """Who knows how it went."""

    async def course(self, namespace: str, name: str, columns: Sequence[str]) -> Course:
        """Give the course of one that is watched: of columns those named."""
        ...
