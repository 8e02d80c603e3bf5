"""Which of two versions predicts worse, label by label: values that can be bet on, as counts that only grow. Pure.

Each labelled pair gives both versions a loss from 0 to 1. For roc_auc a positive does, with negatives of its own
(`own_negatives`). Only counts are kept, and the rows that wait for their counterpart.
"""

import math
from dataclasses import dataclass
from typing import Final

import msgspec

from penstock_contracts.paired_quality import LEAST_PROBABILITY, SHORTFALLS
from penstock_contracts.quality import QualityMetric
from penstock_drift_monitor.quality.classes import last_of_two

_MOST_NEGATIVES: Final = 100
"""Of one positive: more of them say little more."""
_MOST_WAITING: Final = 1000
"""Positives that wait for a negative. Beyond, they are not counted: negatives are rare, and none is shared."""
_FIRST: Final = 50
"""Labelled pairs that tell what a large error is, where nobody says so. They are not compared: then a scale that they
chose takes nothing from the test."""
_TIMES: Final = 2
"""The largest of stable's first errors, so many times: what is larger is rare, and counts as that."""
_WORST: Final = 1.0
_HALF: Final = 0.5
_MIDDLE: Final = len(SHORTFALLS) // 2
_SURPRISE: Final = -math.log(LEAST_PROBABILITY)


@dataclass(frozen=True, slots=True)
class RowPrediction:
    """Of one version for one row."""

    score: float | None
    """None: it gives none, or none that is finite."""
    named: str | None
    """The class that it names."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What is compared; see PairedQualityWish."""

    metric: QualityMetric
    tolerated: float = 1.0
    positive: str = ""


_Scores = tuple[float | None, float | None]
"""The candidate's and stable's."""


class PairedEvidence(msgspec.Struct):
    """Counts; see PairedQualityReport."""

    unusable: int = 0
    unscaled: int = 0
    compared: int = 0
    candidate_loss: float = 0.0
    stable_loss: float = 0.0
    shortfalls: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(SHORTFALLS))
    scale: float | None = None
    largest: float = 0.0
    """Of stable's first errors."""
    classes: list[str] = msgspec.field(default_factory=list)
    """The first two that labels and answers named."""
    waiting: list[_Scores] = msgspec.field(default_factory=list)
    """Positives that no negative has come for."""
    negatives: list[_Scores] = msgspec.field(default_factory=list)
    """Those that came since the last positive got its own."""

    def add(self, by: Comparison, label: str, candidate: RowPrediction, stable: RowPrediction) -> None:
        """Compare both predictions for a row whose label is known."""
        if by.metric.has_scale and self.scale is None:
            self._measure(label, stable)
            return
        self._note_classes(label, candidate.named, stable.named)
        if by.metric is QualityMetric.ROC_AUC:
            self._rank(by, label, (candidate.score, stable.score))
            return
        losses = [self._loss(by, label, each) for each in (candidate, stable)]
        if losses == [None, None]:
            self.unusable += 1
            return
        self._compare(by, *(_WORST if loss is None else loss for loss in losses))

    def positive(self, by: Comparison) -> str:
        """The class that scores are the probability of; empty: it is not known, or there is none."""
        if by.positive or by.metric.has_scale:
            return by.positive
        return last_of_two(self.classes)

    def values(self, metric: QualityMetric) -> tuple[float, float] | None:
        """The metric of the candidate and of stable; None: nothing was compared."""
        if not self.compared:
            return None
        mean = (self.candidate_loss / self.compared, self.stable_loss / self.compared)
        return _value(metric, mean[0], self.scale), _value(metric, mean[1], self.scale)

    def _measure(self, label: str, stable: RowPrediction) -> None:
        error = _error(label, stable.score)
        if error is None:
            self.unusable += 1
            return
        self.unscaled += 1
        self.largest = max(self.largest, error)
        if self.unscaled >= _FIRST and self.largest:
            self.scale = _TIMES * self.largest

    def _note_classes(self, *named: str | None) -> None:
        for each in named:
            if each and each not in self.classes and len(self.classes) < 2:  # noqa: PLR2004 - two classes
                self.classes.append(each)

    def _rank(self, by: Comparison, label: str, scores: _Scores) -> None:
        """A positive takes all negatives that came since the one before; where none did, it waits for the next."""
        positive = self.positive(by)
        if not positive or scores == (None, None):
            self.unusable += 1
            return
        rows, most = (self.waiting, _MOST_WAITING) if label == positive else (self.negatives, _MOST_NEGATIVES)
        if len(rows) < most:
            rows.append(scores)
        if self.waiting and self.negatives:
            first = self.waiting.pop(0)
            losses = [_lost(first[arm], [row[arm] for row in self.negatives]) for arm in (0, 1)]
            self.negatives = []
            self._compare(by, *losses)

    def _loss(self, by: Comparison, label: str, made: RowPrediction) -> float | None:
        """From 0 to 1; None: this prediction cannot be compared with this label."""
        if by.metric.has_scale:
            error = _error(label, made.score)
            part = None if error is None else min(1.0, error / (self.scale or 1.0))
            return part if part is None or by.metric is QualityMetric.MAE else part**2
        positive = self.positive(by)
        if by.metric is QualityMetric.ACCURACY and made.named:
            return float(made.named != label)
        if made.score is None or not positive or not 0 <= made.score <= 1:
            return None
        truth = label == positive
        if by.metric is QualityMetric.ACCURACY:
            return float((made.score >= _HALF) != truth)
        if by.metric is QualityMetric.BRIER:
            return (made.score - truth) ** 2
        likely = made.score if truth else 1 - made.score
        return -math.log(max(LEAST_PROBABILITY, likely)) / _SURPRISE

    def _compare(self, by: Comparison, candidate: float, stable: float) -> None:
        self.compared += 1
        self.candidate_loss += candidate
        self.stable_loss += stable
        place = _MIDDLE * (1 + (candidate - by.tolerated * stable) / by.tolerated)
        low = min(len(SHORTFALLS) - 2, max(0, int(place)))
        self.shortfalls[low] += 1 - (place - low)
        self.shortfalls[low + 1] += place - low


def _lost(positive: float | None, negatives: list[float | None]) -> float:
    """The share of the negatives that do not score lower, ties counted half. A score that is missing never wins."""
    if positive is None:
        return _WORST
    wins = sum(
        0.0 if each is None else 1.0 if each < positive else _HALF if each == positive else 0.0 for each in negatives
    )
    return 1 - wins / len(negatives)


def _error(label: str, score: float | None) -> float | None:
    """None: the label is no number, or there is no score."""
    try:
        truth = float(label)
    except ValueError:
        return None
    return None if score is None or not math.isfinite(truth) else abs(score - truth)


def _value(metric: QualityMetric, loss: float, scale: float | None) -> float:
    match metric:
        case QualityMetric.ROC_AUC | QualityMetric.ACCURACY:
            return 1 - loss
        case QualityMetric.BRIER:
            return loss
        case QualityMetric.LOG_LOSS:
            return loss * _SURPRISE
        case QualityMetric.MAE:
            return loss * (scale or 1.0)
        case QualityMetric.RMSE:
            return math.sqrt(loss) * (scale or 1.0)
