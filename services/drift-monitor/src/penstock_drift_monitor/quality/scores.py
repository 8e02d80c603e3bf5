"""Figures of quality, as scikit-learn defines them (numpy only)."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def roc_auc(truth: Flags, scores: Floats) -> float | None:
    """Probability that a positive scores above a negative, ties counted half; None: one class only."""
    positives, negatives = _cumulated(truth, scores)
    if not positives[-1] or not negatives[-1]:
        return None
    right = np.concatenate([[0], positives]) / positives[-1]
    wrong = np.concatenate([[0], negatives]) / negatives[-1]
    return float(np.trapezoid(right, wrong))


def pr_auc(truth: Flags, scores: Floats) -> float | None:
    """Average precision: sum of precision times the step in recall; None: no positive."""
    positives, negatives = _cumulated(truth, scores)
    if not positives[-1]:
        return None
    precision = positives / (positives + negatives)
    return float(np.sum(np.diff(positives / positives[-1], prepend=0) * precision))


def f1(truth: Flags, said: Flags) -> float:
    """Harmonic mean of precision and recall of the positive class; 0 where nothing was positive."""
    total = int(truth.sum()) + int(said.sum())
    return float(2 * int((truth & said).sum()) / total) if total else 0.0


def log_loss(truth: Flags, scores: Floats) -> float | None:
    """Mean of the negative log likelihood; None: a score is no probability."""
    return float(np.mean(log_losses(truth, scores))) if _probabilities(scores) else None


def log_losses(truth: Flags, scores: Floats) -> Floats:
    """Negative log likelihood of each row; probabilities are kept a machine epsilon away from 0 and 1."""
    epsilon = np.finfo(np.float64).eps
    likely = np.clip(np.where(truth, scores, 1 - scores), epsilon, 1 - epsilon)
    return np.asarray(-np.log(likely), dtype=np.float64)


def brier(truth: Flags, scores: Floats) -> float | None:
    """Mean square of score minus truth; None: a score is no probability."""
    return float(np.mean((scores - truth) ** 2)) if _probabilities(scores) else None


def mae(truth: Floats, values: Floats) -> float:
    """Mean of the absolute errors."""
    return float(np.mean(np.abs(truth - values)))


def rmse(truth: Floats, values: Floats) -> float:
    """Root of the mean square error."""
    return float(np.sqrt(np.mean((truth - values) ** 2)))


def _probabilities(scores: Floats) -> bool:
    return bool(len(scores) and scores.min() >= 0 and scores.max() <= 1)


def _cumulated(truth: Flags, scores: Floats) -> tuple[Floats, Floats]:
    """Positives and negatives at or above each distinct score, from the highest score down."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.append(np.nonzero(np.diff(ordered))[0], len(ordered) - 1)
    positives = np.cumsum(truth[order], dtype=np.float64)[last]
    return positives, 1.0 + last - positives
