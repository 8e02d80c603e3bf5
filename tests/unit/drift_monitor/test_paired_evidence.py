"""Labelled pairs as values that can be bet on: what counts, by which metric, and what does not."""

import math

import numpy as np
import pytest

from penstock_contracts.paired_quality import SHORTFALLS
from penstock_contracts.quality import QualityMetric
from penstock_drift_monitor.quality.label_coverage import LabelCoverage
from penstock_drift_monitor.quality.own_negatives import groups, wins
from penstock_drift_monitor.quality.paired_evidence import Comparison, PairedEvidence, RowPrediction

AUC = Comparison(metric=QualityMetric.ROC_AUC)
NAN = None
"""A score that is not finite is kept as none."""


def score(value: float | None) -> RowPrediction:
    return RowPrediction(value, None)


def named(value: str, of: float | None = None) -> RowPrediction:
    return RowPrediction(of, value)


def evidence(
    by: Comparison, *rows: tuple[str, RowPrediction, RowPrediction], scale: float | None = None
) -> PairedEvidence:
    """After labelled pairs: label, the candidate's prediction, stable's."""
    found = PairedEvidence(scale=scale)
    for row in rows:
        found.add(by, *row)
    return found


def mean(found: PairedEvidence) -> float:
    """Of the shortfalls."""
    return float(np.dot(SHORTFALLS, found.shortfalls) / found.compared)


def test_positives_are_compared_with_their_own_negatives_as_the_report_on_quality_does() -> None:
    draw = np.random.default_rng(1)
    truth = draw.random(400) < 0.2
    scores = draw.random((2, 400))
    rows = [
        (str(int(label)), score(float(ours)), score(float(theirs)))
        for label, ours, theirs in zip(truth, *scores, strict=True)
    ]
    found = evidence(AUC, *rows)
    pairs = groups(truth.tolist())
    values = found.values(QualityMetric.ROC_AUC)
    assert found.compared == len(pairs)
    assert values == pytest.approx([wins(pairs, each).mean() for each in scores])
    assert mean(found) == pytest.approx((wins(pairs, scores[1]) - wins(pairs, scores[0])).mean())
    assert sum(found.shortfalls) == pytest.approx(found.compared)


@pytest.mark.parametrize(
    ("by", "row", "values", "shortfall"),
    [
        (Comparison(metric=QualityMetric.ACCURACY), ("cat", named("dog"), named("cat")), (0, 1), 1),
        (Comparison(metric=QualityMetric.ACCURACY), ("1", score(0.5), score(0.2)), (1, 0), -1),
        (Comparison(metric=QualityMetric.BRIER), ("1", score(0.5), score(0.9)), (0.25, 0.01), 0.24),
        (
            Comparison(metric=QualityMetric.LOG_LOSS),
            ("0", score(0.9), score(0.5)),
            (math.log(10), math.log(2)),
            math.log(5) / math.log(1000),
        ),
        (Comparison(metric=QualityMetric.MAE), ("10", score(13), score(9)), (3, 1), 0.2),
        (Comparison(metric=QualityMetric.RMSE), ("10", score(13), score(9)), (3, 1), 0.08),
    ],
    ids=["classes", "classes of scores", "brier", "log loss", "mae", "rmse"],
)
def test_metrics(
    by: Comparison, row: tuple[str, RowPrediction, RowPrediction], values: tuple[float, float], shortfall: float
) -> None:
    found = evidence(by, row, scale=10.0)
    assert found.values(by.metric) == pytest.approx(values)
    assert mean(found) == pytest.approx(shortfall)


def test_a_tolerated_loss_is_no_shortfall() -> None:
    by = Comparison(metric=QualityMetric.MAE, tolerated=1.25)
    assert mean(evidence(by, ("0", score(5), score(4)), scale=10.0)) == pytest.approx(0)
    assert mean(evidence(by, ("0", score(10), score(0)), scale=10.0)) == pytest.approx(1 / 1.25)
    assert mean(evidence(by, ("0", score(0), score(10)), scale=10.0)) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("metric", "label", "worst"),
    [
        (QualityMetric.ACCURACY, "1", 0.0),
        (QualityMetric.BRIER, "1", 1.0),
        (QualityMetric.LOG_LOSS, "1", math.log(1000)),
        (QualityMetric.MAE, "1", 10.0),
        (QualityMetric.RMSE, "1", 10.0),
    ],
)
def test_a_score_that_is_no_number_beside_one_that_is_counts_as_the_worst(
    metric: QualityMetric, label: str, worst: float
) -> None:
    found = evidence(Comparison(metric=metric), (label, score(NAN), score(0.9)), scale=10.0)
    values = found.values(metric)
    assert values
    assert values[0] == pytest.approx(worst)


def test_a_positive_or_a_negative_without_a_score_never_wins() -> None:
    for rows in (
        [("1", score(NAN), score(0.9)), ("0", score(0.1), score(0.1))],
        [("1", score(0.9), score(0.9)), ("0", score(NAN), score(0.1))],
    ):
        assert evidence(AUC, *rows).values(QualityMetric.ROC_AUC) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("metric", "row"),
    [
        (QualityMetric.ROC_AUC, ("1", score(NAN), score(NAN))),
        (QualityMetric.BRIER, ("1", score(3.0), score(-2.0))),
        (QualityMetric.MAE, ("many", score(3.0), score(2.0))),
        (QualityMetric.ACCURACY, ("cat", score(3.0), score(2.0))),
        (QualityMetric.LOG_LOSS, ("cat", named("cat"), named("dog"))),
    ],
    ids=["no scores", "no probabilities", "label is no number", "no classes", "classes without scores"],
)
def test_what_fits_no_metric_is_counted_as_unusable(
    metric: QualityMetric, row: tuple[str, RowPrediction, RowPrediction]
) -> None:
    found = evidence(Comparison(metric=metric), row, scale=1.0)
    assert (found.unusable, found.compared) == (1, 0)
    assert found.values(metric) is None


def test_labels_of_one_class_only_wait_for_the_other_and_their_number_is_bounded() -> None:
    rows = [("1", score(0.5), score(0.5))] * 2000
    found = evidence(AUC, *rows)
    assert (found.compared, found.unusable, len(found.waiting)) == (0, 0, 1000)
    found.add(AUC, "0", score(0.1), score(0.1))
    assert (found.compared, len(found.waiting)) == (1, 999)
    negatives = evidence(AUC, *[("0", score(0.5), score(0.5))] * 2000)
    assert (negatives.compared, len(negatives.negatives)) == (0, 100)


@pytest.mark.parametrize(
    ("labels", "positive"),
    [("0", "1"), ("01", "1"), ("1", "1"), ("27", "7"), ("ba", "b"), ("b", ""), ("abc", "b")],
)
def test_the_positive_class_is_the_last_of_the_first_two(labels: str, positive: str) -> None:
    found = evidence(AUC, *[(label, score(0.5), score(0.5)) for label in labels])
    assert found.positive(AUC) == positive


def test_the_class_that_somebody_names_is_the_positive_one() -> None:
    by = Comparison(metric=QualityMetric.BRIER, positive="a")
    assert evidence(by, ("a", score(1.0), score(0.0)), ("b", score(0.0), score(1.0))).values(by.metric) == (0.0, 1.0)


@pytest.mark.parametrize("metric", [QualityMetric.MAE, QualityMetric.RMSE])
def test_the_first_errors_of_stable_tell_what_a_large_one_is_and_are_not_compared(metric: QualityMetric) -> None:
    by = Comparison(metric=metric)
    rows = [(str(number), score(number + 100.0), score(number + 3.0)) for number in range(49)]
    found = evidence(by, *rows, ("many", score(1), score(1)), ("1", score(1), score(NAN)))
    assert (found.unscaled, found.unusable, found.compared, found.scale) == (49, 2, 0, None)
    found.add(by, "1", score(1), score(-4))
    assert (found.unscaled, found.scale) == (50, 10.0)
    found.add(by, "1", score(31), score(2))
    assert (found.unscaled, found.compared) == (50, 1)
    assert found.values(metric) == pytest.approx((10.0, 1.0))  # what is larger counts as the scale


def test_without_any_error_there_is_no_scale_yet() -> None:
    by = Comparison(metric=QualityMetric.MAE)
    found = evidence(by, *[("1", score(2), score(1))] * 60)
    assert (found.unscaled, found.scale) == (60, None)
    found.add(by, "1", score(1), score(2))
    assert found.scale == 2.0


def coverage(seconds: int, late_by: int, share: float = 1.0) -> LabelCoverage:
    """A pair a second; labels of a share of them come so many seconds later."""
    found, draw = LabelCoverage(), np.random.default_rng(1)
    for at in range(seconds):
        found.pair(1000.0 + at)
        if at >= late_by and draw.random() < share:
            found.label(1000.0 + at - late_by)
    return found


@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("late_by", [10, 1000])
@pytest.mark.parametrize("seconds", [1500, 100_000])
def test_pairs_whose_labels_are_still_to_come_take_nothing_from_the_coverage(
    share: float, late_by: int, seconds: int
) -> None:
    found = coverage(seconds, late_by, share)
    pairs, labelled = found.older()
    assert labelled / pairs == pytest.approx(share, abs=0.08)
    assert len(found.pairs) <= 64


def test_without_labels_nothing_is_covered() -> None:
    assert coverage(100, 1000).older() == (0, 0)
    assert LabelCoverage().older() == (0, 0)


def test_an_answer_from_before_the_first_one_counts_with_it() -> None:
    found = LabelCoverage()
    for at in (1000.0, 900.0):
        found.pair(at)
        found.label(at)
    assert found.older() == (2, 2)
