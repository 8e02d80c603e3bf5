"""Labelled answers in, figures and differences out. Pure."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from penstock_contracts.quality import FigureInterval, QualityDifference, QualityTask, VersionQuality
from penstock_drift_monitor.quality import scores as figures
from penstock_drift_monitor.quality.betting import interval
from penstock_drift_monitor.quality.classes import is_number, last_of_two
from penstock_drift_monitor.quality.own_negatives import groups, wins

Floats = npt.NDArray[np.float64]
_TWO: Final = 2
_HALF: Final = 0.5
_LEAST_PROBABILITY: Final = 0.001
"""For the bet on log_loss: what is less likely than that counts as that, so that a difference has a bound."""
_BOUND_ROWS: Final = 50
"""For the bet on mae: so many first rows set the bound, and are not bet on."""


@dataclass(frozen=True, kw_only=True)
class LabelledAnswer:
    """One row whose truth is known."""

    request: str
    row: int
    score: float | None
    answer: str | None
    """The class that the model named."""
    label: str
    at: float
    received: float
    """Unix times of answer and label."""


@dataclass(frozen=True, kw_only=True)
class VersionAnswers:
    """One version. Answers are in the order in which their labels came."""

    version: str
    digest: str
    kept: int
    """Rows kept that a label can name."""
    answers: Sequence[LabelledAnswer]


@dataclass(frozen=True)
class Meaning:
    """What the labels of a resource mean."""

    task: QualityTask
    positive: str | None = None


def meaning_of(answers: Iterable[LabelledAnswer]) -> Meaning:
    """Tell the task from labels, classes named by the model, and scores, over all versions alike.

    Two classes at most and a score: binary. The positive class is the one that sorts last (numbers by value), as
    scikit-learn orders the columns of probabilities; of 0 and 1 it is 1, also where only one of them was seen yet.
    """
    kept = list(answers)
    if not kept:
        return Meaning(QualityTask.UNKNOWN)
    truths = {each.label for each in kept}
    classes = truths | {each.answer for each in kept if each.answer}
    scored = all(each.score is not None for each in kept)
    if scored and classes <= {"0", "1"}:
        named = any(each.answer for each in kept)
        if named or all(0 <= (each.score or 0) <= 1 for each in kept):
            return Meaning(QualityTask.BINARY, last_of_two(classes))
    if scored and not any(each.answer for each in kept) and all(is_number(label) for label in truths):
        return Meaning(QualityTask.NUMBERS)
    if scored and len(classes) == _TWO:
        return Meaning(QualityTask.BINARY, last_of_two(classes))
    if all(each.answer for each in kept):
        return Meaning(QualityTask.LABELS)
    return Meaning(QualityTask.UNKNOWN)


def quality_of(arm: VersionAnswers, meaning: Meaning) -> VersionQuality:
    """Figures of one version."""
    answers = arm.answers
    lags = [each.received - each.at for each in answers]
    found = VersionQuality(
        version=arm.version,
        digest=arm.digest,
        answers=arm.kept,
        labelled=len(answers),
        coverage=len(answers) / arm.kept if arm.kept else None,
        lag_seconds=float(np.median(lags)) if lags else None,
        task=meaning.task if answers else QualityTask.UNKNOWN,
        positive=meaning.positive if answers else None,
    )
    if not answers:
        return found.model_copy(update={"message": "no labels yet: POST them to /v1/labels"})
    return found.model_copy(update={**_figures(answers, meaning), "interval": _interval(answers, meaning)})


def _interval(answers: Sequence[LabelledAnswer], meaning: Meaning) -> FigureInterval | None:
    """Between what the leading figure lies, by bets on independent values whose mean it is."""
    values, bound, middle = np.zeros(0), 0.5, 0.5
    if meaning.task is QualityTask.BINARY:
        figure, values = "roc_auc", wins(groups(_truth(answers, meaning).tolist()), _scores(answers))
    elif meaning.task is QualityTask.LABELS:
        figure, values = "accuracy", np.array([each.answer == each.label for each in answers], dtype=np.float64)
    elif meaning.task is QualityTask.NUMBERS:
        errors = np.abs(_numbers(answers) - _scores(answers))
        # As with differences: the first rows set the bound.
        figure, bound = "mae", float(np.max(errors[:_BOUND_ROWS]))
        values, middle = np.clip(errors[_BOUND_ROWS:], 0, 2 * bound), bound
    if not len(values) or not bound:
        return None
    low, high = interval(values - middle, bound=bound)
    return FigureInterval(figure=figure, values=len(values), low=middle + low, high=middle + high)


def _figures(answers: Sequence[LabelledAnswer], meaning: Meaning) -> dict[str, float | str | None]:
    if meaning.task is QualityTask.NUMBERS:
        numbers, values = _numbers(answers), _scores(answers)
        return {"mae": figures.mae(numbers, values), "rmse": figures.rmse(numbers, values)}
    if meaning.task is QualityTask.LABELS:
        return {"accuracy": float(np.mean([each.answer == each.label for each in answers]))}
    if meaning.task is QualityTask.UNKNOWN:
        return {"message": "labels do not fit the predictions: neither two classes, numbers, nor classes that it names"}
    truth = _truth(answers, meaning)
    scores, said = _scores(answers), _said(answers, meaning)
    one_class = bool(truth.all() or not truth.any())
    return {
        "roc_auc": figures.roc_auc(truth, scores),
        "pr_auc": figures.pr_auc(truth, scores),
        "f1": figures.f1(truth, said),
        "accuracy": float(np.mean(truth == said)),
        "log_loss": figures.log_loss(truth, scores),
        "brier": figures.brier(truth, scores),
        "message": "all labels are of one class: roc_auc needs both" if one_class else "",
    }


def differences(stable: VersionAnswers, other: VersionAnswers, meaning: Meaning) -> tuple[QualityDifference, ...]:
    """Each figure of `other` minus stable's over the rows that both answered, shadow copies included."""
    theirs: Mapping[tuple[str, int], LabelledAnswer] = {(each.request, each.row): each for each in other.answers}
    both = [(each, theirs[each.request, each.row]) for each in stable.answers if (each.request, each.row) in theirs]
    if not both:
        return ()
    ours, others = [pair[0] for pair in both], [pair[1] for pair in both]
    values = (_figures(ours, meaning), _figures(others, meaning))
    found: list[QualityDifference] = []
    for figure, (paired, bound) in _paired(ours, others, meaning).items():
        low, high = interval(paired, bound=bound) if bound else (None, None)
        found.append(
            QualityDifference(
                stable=stable.version,
                other=other.version,
                figure=figure,
                rows=len(both),
                pairs=len(paired),
                stable_value=_float(values[0].get(figure)),
                other_value=_float(values[1].get(figure)),
                mean=float(np.mean(paired)) if len(paired) else None,
                low=low,
                high=high,
                bound=bound or None,
            )
        )
    return tuple(found)


def _paired(
    ours: Sequence[LabelledAnswer], others: Sequence[LabelledAnswer], meaning: Meaning
) -> dict[str, tuple[Floats, float]]:
    """Figure to independent differences and their bound; a bound of 0: there is nothing to bet on yet."""
    if meaning.task is QualityTask.LABELS:
        right = [np.array([each.answer == each.label for each in side], dtype=np.float64) for side in (ours, others)]
        return {"accuracy": (right[1] - right[0], 1.0)}
    if meaning.task is QualityTask.NUMBERS:
        numbers = _numbers(ours)
        errors = np.abs(numbers - _scores(others)) - np.abs(numbers - _scores(ours))
        first, rest = errors[:_BOUND_ROWS], errors[_BOUND_ROWS:]
        bound = 2 * float(np.max(np.abs(first)))
        return {"mae": (np.clip(rest, -bound, bound), bound)}
    if meaning.task is QualityTask.UNKNOWN:
        return {}
    truth = _truth(ours, meaning)
    scores = (_scores(ours), _scores(others))
    said = (_said(ours, meaning) == truth, _said(others, meaning) == truth)
    pairs = groups(truth.tolist())
    found = {
        "roc_auc": (wins(pairs, scores[1]) - wins(pairs, scores[0]), 1.0),
        "accuracy": (said[1].astype(np.float64) - said[0].astype(np.float64), 1.0),
    }
    if all(len(side) and side.min() >= 0 and side.max() <= 1 for side in scores):
        losses = [
            figures.log_losses(truth, np.clip(side, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)) for side in scores
        ]
        found["brier"] = ((scores[1] - truth) ** 2 - (scores[0] - truth) ** 2, 1.0)
        found["log_loss"] = (losses[1] - losses[0], -math.log(_LEAST_PROBABILITY))
    return found


def _truth(answers: Sequence[LabelledAnswer], meaning: Meaning) -> npt.NDArray[np.bool_]:
    return np.array([each.label == meaning.positive for each in answers], dtype=np.bool_)


def _said(answers: Sequence[LabelledAnswer], meaning: Meaning) -> npt.NDArray[np.bool_]:
    """The class that the model named; where it names none, positive from a score of one half on."""
    return np.array(
        [each.answer == meaning.positive if each.answer else (each.score or 0) >= _HALF for each in answers],
        dtype=np.bool_,
    )


def _scores(answers: Sequence[LabelledAnswer]) -> Floats:
    return np.array([each.score for each in answers], dtype=np.float64)


def _numbers(answers: Sequence[LabelledAnswer]) -> Floats:
    return np.array([float(each.label) for each in answers], dtype=np.float64)


def _float(value: float | str | None) -> float | None:
    return float(value) if isinstance(value, float) else None
