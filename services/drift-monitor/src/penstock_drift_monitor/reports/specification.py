from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock_contracts.drift import ColumnDrift
from penstock_drift_monitor.reports.columns import Values


@dataclass(frozen=True, kw_only=True)
class ReportLimits:
    """What bounds the size of a report."""

    columns: int = 30
    """Shown with plots: those with the highest odds. Of the others the verdict is told."""
    rows: int = 5000
    """Of each sample, evenly spread over what there is."""
    categories: int = 30
    """Of a column; the rarest are counted together."""
    classes: int = 20
    """Of labels; with more there is no table of quality."""


@dataclass(frozen=True, kw_only=True)
class ReportJob:
    """What a report is made of. Rows lie in the same order in all columns of a sample."""

    title: str
    reference: Mapping[str, Values]
    current: Mapping[str, Values]
    columns: tuple[ColumnDrift, ...]
    """Our verdicts: the report shows these, and comes to none of its own."""
    labels: Sequence[int | None] | None = None
    """The true class of each current row, as far as it is known; None: nothing is known."""
    prediction: str = "prediction"
    """The column that labels are compared with: probabilities of class 1, or classes."""
    dataset_drift: bool | None = None
    """Our verdict on the whole; None: it cannot be said."""
    message: str = ""
    """Why, for a person."""
    limits: ReportLimits = field(default_factory=ReportLimits)


@dataclass(frozen=True)
class Report:
    """A page complete in itself, and what it says as JSON."""

    html: bytes
    """About 5 MB. To be served only under a policy that takes its origin away: it runs scripts of Evidently's."""
    summary: dict[str, Any]
    """`columns` (each with our verdict and whether it is shown), `notes`, and Evidently's JSON: `drift`, `summary`,
    `quality`."""
