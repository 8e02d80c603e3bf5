"""What the drift monitor says of a resource, without what changes with each row: that would write status for ever."""

from dataclasses import dataclass
from datetime import UTC
from typing import Generic, TypeVar

from penstock_contracts.api.drift import MOST_COLUMNS
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import Revision
from penstock_contracts.base import evolve
from penstock_contracts.drift import (
    QUALITY_TESTS,
    ColumnDrift,
    DriftReason,
    DriftReport,
    DriftVerdict,
    PartialDrift,
    PredictionDrift,
    ServedVersion,
)
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import MissingEvidence
from penstock_controller.rollout.timestamps import moment, stamp

NO_MONITOR = "no drift monitor is installed, so nothing is recorded: have the administrator enable driftMonitor"
_LONGEST_NAME = 256
_LONGEST_MESSAGE = 2048


@dataclass(frozen=True, kw_only=True)
class DriftFinding:
    """The part of a report that is told to users."""

    verdict: DriftVerdict
    """Of the data set, where somebody should look Drift: a column that drifts by itself is none."""
    reason: DriftReason
    columns: tuple[str, ...] = ()
    """Those that the reason is about, the first to begin first; not more than a status names."""
    since: str = ""
    """When the first of them began (RFC 3339); empty: the monitor did not say."""
    message: str = ""
    """Why, in the monitor's words."""
    skewed: bool | None = None
    """Whether some served feature is not what training would see; None: nobody has compared them."""
    skew: str = ""
    """Which features, in the monitor's words."""


@dataclass(frozen=True, kw_only=True)
class WatchedParts:
    """What a report finds of each part, with numbers that change with each row: for gates alone."""

    inputs: PartialDrift
    predictions: tuple[PredictionDrift, ...]

    @property
    def verdicts(self) -> tuple[object, ...]:
        """What does not change with each row."""
        found = (each.found for each in self.predictions)
        named = tuple((each.version, each.digest) for each in self.predictions)
        return named, tuple((each.verdict, each.reason) for each in (self.inputs, *found))


@dataclass(frozen=True, kw_only=True)
class Monitoring:
    """What is known from the drift monitor in this pass."""

    installed: bool = False
    finding: DriftFinding | None = None
    """Of its last answer to this process; None: it has given none."""
    parts: WatchedParts | None = None
    """Of the same answer; None: there is none, or the monitor is older than this controller."""
    away: str = ""
    """Why it has not answered for some time; the finding stays the last known. Empty: it answered, or was not asked."""
    report_url: str = ""
    """Where it shows its report."""
    is_current: bool = True
    """The finding answers what is asked now: not about another stable version."""
    labelled: int | None = None
    """Labelled rows of the version that has most of them, where that was asked; None: not known."""


_Report = TypeVar("_Report")
_NOT_YET = MissingEvidence(
    verdict=Verdict.INCONCLUSIVE, reason=Reason.NO_EVIDENCE, message="the drift monitor has not answered yet"
)


@dataclass(frozen=True, kw_only=True)
class CountsAnswer(Generic[_Report]):
    """What is known in this pass of what the drift monitor counts for a gate."""

    installed: bool = True
    report: _Report | None = None
    """Its last answer to what is asked now; None: it has given none."""
    away: str = ""
    """Why it has not answered for some time; empty: it answered, or was not asked for long."""


def served(pointer: Revision) -> ServedVersion:
    """A version as the monitor is told of it."""
    return ServedVersion(version=pointer.version, digest=pointer.digest, revision=pointer.revision)


def why_missing(*, installed: bool, away: str, answered: bool) -> MissingEvidence | None:
    """Why there is no evidence of the monitor's; None: there is an answer that stands."""
    if not installed:
        return MissingEvidence(verdict=Verdict.ERROR, reason=Reason.NO_MONITOR, message=NO_MONITOR)
    if away:
        return MissingEvidence(verdict=Verdict.ERROR, reason=Reason.MONITOR_AWAY, message=away)
    return None if answered else _NOT_YET


def parts_in(report: DriftReport) -> WatchedParts | None:
    """What a report finds of each part."""
    if report.inputs is None:
        return None
    predictions = tuple(evolve(each, found=_told(each.found)) for each in report.predictions)
    return WatchedParts(inputs=_told(report.inputs), predictions=predictions)


def _told(found: PartialDrift) -> PartialDrift:
    return evolve(found, message=_printable(found.message, _LONGEST_MESSAGE))


def finding_in(report: DriftReport) -> DriftFinding:
    """What a report finds."""
    # By when they began, not by their odds, which change with each row; those that do not say so come last.
    drifting = sorted(map(_named, _meant(report)), key=lambda item: (not item[0], *item))
    return DriftFinding(
        verdict=_of_the_data_set(report),
        reason=report.reason,
        columns=tuple(name for _, name in drifting[:MOST_COLUMNS]),
        since=min((since for since, _ in drifting if since), default=""),
        message=_printable(report.message, _LONGEST_MESSAGE),
        skewed=bool(report.skew.skewed) if report.skew else None,
        skew=_printable(report.skew.message, _LONGEST_MESSAGE) if report.skew else "",
    )


def _of_the_data_set(report: DriftReport) -> DriftVerdict:
    match report.reason:
        case DriftReason.DATASET_DRIFT | DriftReason.DATA_QUALITY:
            return DriftVerdict.DRIFT
        case DriftReason.COLUMN_DRIFT:
            # While other columns are not judged yet, nobody knows whether enough of them drift.
            return DriftVerdict.NO_DRIFT if report.dataset_drift is False else DriftVerdict.INCONCLUSIVE
        case DriftReason.NO_DRIFT:
            return DriftVerdict.NO_DRIFT
        case DriftReason.NO_REFERENCE | DriftReason.BAD_REFERENCE:
            return DriftVerdict.ERROR
        case DriftReason.INSUFFICIENT_DATA:
            return DriftVerdict.INCONCLUSIVE


def _meant(report: DriftReport) -> list[ColumnDrift]:
    """The columns that a reason is about."""
    drifting = [column for column in report.columns if column.verdict is DriftVerdict.DRIFT]
    broken = [column for column in drifting if column.test in QUALITY_TESTS]
    match report.reason:
        case DriftReason.DATA_QUALITY:
            return broken or drifting
        case DriftReason.DATASET_DRIFT | DriftReason.COLUMN_DRIFT:
            return drifting
        case _:
            return []


def _named(column: ColumnDrift) -> tuple[str, str]:
    """Since when it drifts, and its name."""
    return _stamped(column.since), _printable(column.name, _LONGEST_NAME)


def _stamped(since: str | None) -> str:
    """A time as status has them; empty: none was given, or none that can be read."""
    try:
        return stamp(moment(since).astimezone(UTC)) if since else ""
    except (ValueError, OverflowError):
        return ""


def _printable(text: str, longest: int) -> str:
    """Names come from whoever logged the model: nothing in them may steer a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)[
        :longest
    ]
