"""How a watched resource went over time."""

from pydantic import Field

from penstock_contracts.base import Contract
from penstock_contracts.drift import DriftVerdict


class ColumnCourse(Contract):
    """Scores of one column."""

    name: str
    verdict: DriftVerdict
    """Now."""
    scores: tuple[float | None, ...]
    """At each of the report's `column_times`, as a part of the threshold, rounded down to hundredths: drift from 1 on.
    A point that stands for a longer time has the highest. None: it was not judged."""


class RolloutStep(Contract):
    """What held from a moment on."""

    at: str
    """RFC 3339, as every time here."""
    phase: str
    weights: dict[str, int]
    """Version to its share of users' requests, in per cent."""
    decision: str
    """How the latest attempt ended; empty: none has."""


class TriesCounted(Contract):
    """Tries of users' requests at a version's servers."""

    tries: int
    failures: int


class TriesInterval(Contract):
    """Tries between two moments."""

    since: str
    until: str
    versions: dict[str, TriesCounted]


class RowsInterval(Contract):
    """Rows recorded between two moments, copies to a shadow included."""

    since: str
    until: str
    rows: dict[str, int]
    """By version."""


class VersionFigures(Contract):
    """How good a version was by its leading figure: roc_auc, accuracy or mae."""

    figure: str
    value: float | None
    low: float | None
    high: float | None
    """The figure's expectation lies between them with 95 %, however often one looks."""
    labelled: int


class QualityAt(Contract):
    """Of all versions that had labels at a moment."""

    at: str
    versions: dict[str, VersionFigures]


class CourseReport(Contract):
    """Answer of `GET /v1/courses/{namespace}/{name}`: a few hundred points of each series, coarser as they age."""

    namespace: str
    name: str
    column_times: tuple[str, ...] = ()
    columns: tuple[ColumnCourse, ...] = ()
    """Those that drift first, then by score."""
    columns_total: int = Field(ge=0)
    """Of the resource; `offset` and `limit` of the request choose among them."""
    rollout: tuple[RolloutStep, ...] = ()
    tries: tuple[TriesInterval, ...] = ()
    """Only while an attempt runs or bakes: the gateways count for its gates."""
    rows: tuple[RowsInterval, ...] = ()
    quality: tuple[QualityAt, ...] = ()
