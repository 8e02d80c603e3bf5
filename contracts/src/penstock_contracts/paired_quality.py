"""How good two versions are by the same labels: what the drift monitor is asked, and its answer."""

from typing import Annotated, Final

from pydantic import Field

from penstock_contracts.base import Contract
from penstock_contracts.drift import ServedVersion
from penstock_contracts.quality import QualityMetric

_HALF: Final = 32
SHORTFALLS: Final = tuple(step / _HALF for step in range(-_HALF, _HALF + 1))
"""Values, from -1 to 1, that shortfalls are counted at. One between two of them counts at both, at the nearer one more:
its mean stays what it is, and a bet on it wins a little less than it would."""
LEAST_PROBABILITY: Final = 0.001
"""For log_loss: what is less likely than that counts as that."""


class PairedQualityWish(Contract):
    """Body of `PUT /v1/paired-quality/{namespace}/{name}`: whose quality is to be compared, by what, in which attempt.

    Another one begins new counts. One that is not repeated for an hour is not counted for, until it is repeated.
    """

    attempt: int = Field(ge=0)
    stage: str = Field(max_length=16)
    """Of the attempt. Counts of another stage begin anew, and may be of answers from the stage before."""
    candidate: ServedVersion
    stable: ServedVersion
    metric: QualityMetric
    margin: float = Field(default=0.0, ge=0)
    """As the gate has it. What is shown with another one needs counts of its own."""
    tolerated: float = Field(default=1.0, ge=1)
    """The candidate's loss may be so many times stable's. For rmse: its squared errors, so the square of that."""
    scale: float | None = Field(default=None, gt=0)
    """For mae and rmse: an error of this size counts as the largest. None: twice the largest error of stable's for the
    first 50 labelled pairs, which are not compared then."""
    positive: str = Field(default="", max_length=512)
    """The class that scores are the probability of. Empty: the last of the two classes, and 1 of 0 and 1."""


Shares = Annotated[tuple[float, ...], Field(min_length=len(SHORTFALLS), max_length=len(SHORTFALLS))]


class PairedQualityReport(Contract):
    """Answer of `PUT` and of `GET /v1/paired-quality/{namespace}/{name}?attempt=N`.

    Counts only grow as long as `since` is the same, but for the last two. A pair is a row that both versions answered
    in this attempt under one request id, once for a user and once as a copy.
    """

    namespace: str
    name: str
    attempt: int
    stage: str
    candidate: str
    """Version."""
    stable: str
    metric: QualityMetric
    since: str
    """When the counts began, as text that differs from that of any other beginning."""
    pairs: int
    labelled: int
    """Pairs that have a label."""
    unusable: int
    """Of these, pairs whose label or predictions do not fit the metric."""
    unscaled: int
    """Of these, pairs that only told what a large error is."""
    compared: int
    """Independent values that were compared: labelled pairs; for roc_auc, positives with negatives of their own."""
    candidate_value: float | None
    """The metric over these, errors beyond the scale counted as the scale; None: nothing was compared."""
    stable_value: float | None
    shortfalls: Shares
    """By SHORTFALLS: how many of these fall short of stable by so much. A shortfall is the candidate's loss minus
    `tolerated` times stable's, as a part of the largest one that there can be."""
    scale: float | None
    positive: str
    """The class that counts as positive; empty: not known yet, or there is none."""
    older_pairs: int
    """Pairs that were answered no later than the middle one of those with a label: their labels had time to come."""
    older_labelled: int
    """Of these, pairs that have a label."""
