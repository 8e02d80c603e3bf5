"""What the drift monitor is told of a resource, and what it answers."""

from enum import StrEnum

from pydantic import Field

from penstock_contracts.base import Contract, evolve
from penstock_contracts.skew import SkewReport


class ServedVersion(Contract):
    """A version that the resource names."""

    version: str
    digest: str
    revision: str


class VersionTries(Contract):
    """Tries of users' requests at a version's servers: those that its weight chose."""

    tries: int = Field(default=0, ge=0)
    failures: int = Field(default=0, ge=0)
    """Of these."""


class RolloutFacts(Contract):
    """What pages show of a resource's rollout; nothing is judged by it."""

    phase: str = ""
    weights: dict[str, int] = Field(default_factory=dict)
    """Version to its share of users' requests, in per cent."""
    decision: str = ""
    """How the latest attempt ended, in a sentence; empty: none has."""
    attempt: int = 0
    """The attempt whose tries were counted last; 0: none was."""
    tries: dict[str, VersionTries] = Field(default_factory=dict)
    """Version to its tries since that attempt began. They only grow, unless a gateway pod leaves."""


class DriftWish(Contract):
    """Body of `PUT /v1/resources/{namespace}/{name}`: whom to watch, and what counts as drift."""

    stable: ServedVersion
    """Inputs are judged against this version's reference sample."""
    others: tuple[ServedVersion, ...] = ()
    """Candidate and previous: their predictions are judged, each against its own reference."""
    margin: float = Field(default=0.05, gt=0, lt=1)
    """Total variation distance from the reference that nobody cares about."""
    period_seconds: float = Field(default=86400, ge=0)
    """Inputs are judged by whole periods, so that a daily wave is no drift; 0: whenever rows came."""
    key_columns: tuple[str, ...] = ()
    """Columns of which one that drifts is drift of the data set."""
    share: float = Field(default=0.5, gt=0, le=1)
    """Of the columns that must drift for the data set to drift."""
    hashed_columns: tuple[str, ...] = ()
    """Columns that are recorded as hashes: nothing in the reference sample is like them, so they are not judged."""
    rollout: RolloutFacts = RolloutFacts()

    def watches_as(self, other: "DriftWish") -> bool:
        """Whether the same is to be watched and judged alike."""
        return evolve(self, rollout=other.rollout) == other


class DriftVerdict(StrEnum):
    """Of a column or of the data set."""

    DRIFT = "Drift"
    NO_DRIFT = "NoDrift"
    INCONCLUSIVE = "Inconclusive"
    """Too few rows, or no whole period yet."""
    ERROR = "Error"
    """There is nothing to compare with: no reference sample, or one that cannot be read."""


class DriftReason(StrEnum):
    """Why a verdict is what it is. The first two, and Settled, stand in conditions."""

    DATASET_DRIFT = "DatasetDrift"
    """The prediction, a key column, or the share of the columns."""
    COLUMN_DRIFT = "ColumnDrift"
    """Some columns, not enough of them for the data set."""
    DATA_QUALITY = "DataQuality"
    """Missing, unseen or non-finite values: what is broken upstream is not mended by training on it."""
    NO_DRIFT = "NoDrift"
    INSUFFICIENT_DATA = "InsufficientData"
    NO_REFERENCE = "NoReference"
    BAD_REFERENCE = "BadReference"


QUALITY_TESTS = ("missing", "non-finite", "unseen")
"""Bets that speak of what is broken, not of what has drifted."""


class ColumnDrift(Contract):
    """One column against the reference."""

    name: str
    """Of an input's column, or of a prediction: `prediction`, with a version: `prediction (version 7)`."""
    test: str
    """Which bet decided: shape, location, spread, missing, non-finite, unseen."""
    verdict: DriftVerdict
    score: float
    """Natural logarithm of the odds against "no more than the margin away"."""
    threshold: float
    """The score from which it is drift."""
    rows: int
    """Rows that were judged."""
    since: str | None = None
    """When it began to be drift (RFC 3339); None: it is none."""
    message: str = ""


class PartialDrift(Contract):
    """What is found of a part of what is watched."""

    verdict: DriftVerdict
    reason: DriftReason
    message: str
    """For a person."""
    score: float = 0.0
    """The highest of its columns' scores, as a part of its threshold: 1 and more is drift."""
    rows: int = 0
    """Rows that were judged."""


class PredictionDrift(Contract):
    """A version's prediction against its own reference sample."""

    version: str
    digest: str
    found: PartialDrift


class DriftReport(Contract):
    """Answer of `PUT /v1/resources/{namespace}/{name}` and `GET /v1/drift/{namespace}/{name}`."""

    namespace: str
    name: str
    dataset_drift: bool | None
    """None: it cannot be said."""
    verdict: DriftVerdict
    reason: DriftReason
    message: str
    """For a person: which columns, since when, what to do."""
    columns: tuple[ColumnDrift, ...] = ()
    inputs: PartialDrift | None = None
    """The inputs against stable's reference sample; None: an older monitor does not say."""
    predictions: tuple[PredictionDrift, ...] = ()
    """Of each version that is watched."""
    rows: int = 0
    """Rows that were judged, of users' requests."""
    reference_rows: int = 0
    window_from: str | None = None
    """When the first row of the window that is kept was served (RFC 3339)."""
    window_to: str | None = None
    dropped: int = 0
    """Rows that predictors sampled and could not send."""
    skew: SkewReport | None = None
    """What was found when served features were last compared with those of training; None: nobody has compared them."""
