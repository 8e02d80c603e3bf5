"""Quality of what was served, from labels."""

from enum import StrEnum
from typing import Final

from penstock_contracts.base import Contract


class QualityTask(StrEnum):
    """What predictions and labels are."""

    BINARY = "Binary"
    """Two classes, with a score."""
    NUMBERS = "Numbers"
    LABELS = "Labels"
    """Classes without a score that could be ranked."""
    UNKNOWN = "Unknown"
    """No labels, or labels of one class only that does not tell what it is."""


class QualityMetric(StrEnum):
    """What can be compared between two versions answer by answer."""

    ROC_AUC = "roc_auc"
    ACCURACY = "accuracy"
    LOG_LOSS = "log_loss"
    BRIER = "brier"
    MAE = "mae"
    RMSE = "rmse"

    @property
    def is_loss(self) -> bool:
        """Whether less of it is better."""
        return self not in {QualityMetric.ROC_AUC, QualityMetric.ACCURACY}

    @property
    def has_scale(self) -> bool:
        """Whether it is in the labels' own unit, so that somebody must say what a large error is."""
        return self in {QualityMetric.MAE, QualityMetric.RMSE}


FIGURES: Final = ("roc_auc", "pr_auc", "f1", "accuracy", "log_loss", "brier", "mae", "rmse")
"""Fields of VersionQuality that say how good a version is."""


class FigureInterval(Contract):
    """Between what a version's leading figure lies."""

    figure: str
    """roc_auc, accuracy or mae."""
    values: int
    """Independent values that were bet on: for roc_auc one for each positive with negatives of its own."""
    low: float
    high: float
    """The figure's expectation lies between them with `confidence`, however often one looks."""
    confidence: float = 0.95


class VersionQuality(Contract):
    """One version of the resource."""

    version: str
    digest: str
    answers: int
    """Rows kept that a label can name."""
    labelled: int
    coverage: float | None
    """labelled / answers; None: no answers."""
    lag_seconds: float | None
    """Median from the answer to its label."""
    task: QualityTask
    positive: str | None = None
    """The class that scores are the probability of."""
    roc_auc: float | None = None
    pr_auc: float | None = None
    """Average precision."""
    f1: float | None = None
    accuracy: float | None = None
    log_loss: float | None = None
    brier: float | None = None
    mae: float | None = None
    rmse: float | None = None
    interval: FigureInterval | None = None
    """None: too few labels, or labels that fit no figure."""
    message: str = ""
    """Why a figure is missing."""


class QualityDifference(Contract):
    """A figure of another version minus stable's, over the rows that both answered."""

    stable: str
    other: str
    """Versions."""
    figure: str
    rows: int
    """Labelled rows that both answered."""
    pairs: int
    """Independent values that were bet on: for roc_auc one for each positive with negatives of its own."""
    stable_value: float | None
    other_value: float | None
    mean: float | None
    """Of the paired differences; None: no pairs. For log_loss and mae differences are clipped (see `bound`)."""
    low: float | None
    high: float | None
    """The mean difference lies between them with `confidence`, however often one looks."""
    bound: float | None
    """No paired difference counts for more than this."""
    confidence: float = 0.95


class QualityReport(Contract):
    """Answer of `GET /v1/quality/{namespace}/{name}`. Figures are scikit-learn's, on the raw scores."""

    namespace: str
    name: str
    versions: tuple[VersionQuality, ...]
    differences: tuple[QualityDifference, ...]
    """Of each version that the resource names to its stable one, where both answered the same rows."""
    rows_limit: int
    """Labelled answers that were looked at, at most: the newest."""
