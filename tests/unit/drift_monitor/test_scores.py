"""Figures against scikit-learn's, and intervals that keep their promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from penstock_contracts.quality import QualityTask
from penstock_drift_monitor.quality import scores
from penstock_drift_monitor.quality.assessment import (
    LabelledAnswer,
    Meaning,
    VersionAnswers,
    differences,
    meaning_of,
    quality_of,
)
from penstock_drift_monitor.quality.betting import interval
from penstock_drift_monitor.quality.own_negatives import groups


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0])), min_size=2, max_size=60))
def test_figures_are_scikit_learns_with_ties_and_certain_scores(rows: list[tuple[bool, float]]) -> None:
    truth = np.array([each[0] for each in rows])
    values = np.array([each[1] for each in rows])
    said = values >= 0.5
    assert scores.f1(truth, said) == pytest.approx(metrics.f1_score(truth, said, zero_division=0), rel=1e-14)
    assert scores.brier(truth, values) == pytest.approx(metrics.brier_score_loss(truth, values, pos_label=True))
    assert scores.log_loss(truth, values) == pytest.approx(metrics.log_loss(truth, values, labels=[False, True]))
    if truth.any() and not truth.all():
        assert scores.roc_auc(truth, values) == pytest.approx(metrics.roc_auc_score(truth, values), rel=1e-14)
        assert scores.pr_auc(truth, values) == pytest.approx(metrics.average_precision_score(truth, values), rel=1e-14)
    else:
        assert scores.roc_auc(truth, values) is None


def test_numbers_are_scikit_learns() -> None:
    draw = np.random.default_rng(1)
    truth, values = draw.normal(size=(2, 500))
    assert scores.mae(truth, values) == pytest.approx(metrics.mean_absolute_error(truth, values), rel=1e-14)
    assert scores.rmse(truth, values) == pytest.approx(metrics.root_mean_squared_error(truth, values), rel=1e-14)


def test_scores_beyond_probabilities_have_an_area_and_no_log_loss() -> None:
    truth = np.array([True, False])
    assert scores.roc_auc(truth, np.array([3.0, -2.0])) == 1.0
    assert scores.log_loss(truth, np.array([3.0, -2.0])) is None


def test_an_interval_misses_the_mean_in_fewer_streams_than_it_says_though_one_looks_all_the_time() -> None:
    draw = np.random.default_rng(2)
    missed = 0
    for _ in range(100):
        values = draw.choice([-1.0, 0.0, 1.0], size=800, p=[0.05, 0.85, 0.10])
        looks = [interval(values[:rows]) for rows in range(20, 801, 60)]
        missed += any(not low <= 0.05 <= high for low, high in looks)
    assert missed <= 5


def test_an_interval_narrows_and_tells_a_difference() -> None:
    values = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], size=20_000, p=[0.05, 0.85, 0.10])
    low, high = interval(values)
    assert 0.03 < low < 0.05 < high < 0.07
    assert interval(values * 5, bound=5.0) == pytest.approx((5 * low, 5 * high))
    assert interval(values[:0]) == (-1.0, 1.0)
    with pytest.raises(ValueError, match="bound"):
        interval(values, bound=0.5)


def test_no_two_positives_share_a_negative_and_who_is_paired_depends_on_order_alone() -> None:
    truth = [False, False, True, True, False, True, False]
    found = groups(truth)
    assert [(group.positive, group.negatives) for group in found] == [(2, (0, 1)), (3, (4,)), (5, (6,))]


def answered(truth: str, score: float | None = None, answer: str | None = None, request: str = "a") -> LabelledAnswer:
    return LabelledAnswer(request=request, row=0, score=score, answer=answer, label=truth, at=0.0, received=5.0)


@pytest.mark.parametrize(
    ("answers", "meaning"),
    [
        ([], Meaning(QualityTask.UNKNOWN)),
        ([answered("0", 0.2)], Meaning(QualityTask.BINARY, "1")),
        ([answered("ok", 0.2, "ok"), answered("fraud", 0.9, "ok")], Meaning(QualityTask.BINARY, "ok")),
        ([answered("1", 7.0, "1"), answered("0", -3.0, "0")], Meaning(QualityTask.BINARY, "1")),
        ([answered("9", 0.2, "10"), answered("10", 0.3, "9")], Meaning(QualityTask.BINARY, "10")),
        ([answered("3.5", 3.1), answered("4", 2.0)], Meaning(QualityTask.NUMBERS)),
        ([answered("a", None, "b"), answered("c", None, "c")], Meaning(QualityTask.LABELS)),
        ([answered("a", 0.1), answered("b", 0.1), answered("c", 0.2)], Meaning(QualityTask.UNKNOWN)),
    ],
)
def test_what_labels_mean(answers: list[LabelledAnswer], meaning: Meaning) -> None:
    assert meaning_of(answers) == meaning


def test_labels_of_one_class_have_no_area_and_say_so() -> None:
    arm = VersionAnswers(version="1", digest="d", kept=4, answers=[answered("0", 0.2), answered("0", 0.4, request="b")])
    found = quality_of(arm, meaning_of(arm.answers))
    assert (found.roc_auc, found.accuracy, found.coverage, found.lag_seconds) == (None, 1.0, 0.5, 5.0)
    assert "one class" in found.message


def test_versions_of_different_requests_are_not_compared() -> None:
    stable = VersionAnswers(version="1", digest="d", kept=1, answers=[answered("0", 0.2)])
    other = VersionAnswers(version="2", digest="e", kept=1, answers=[answered("0", 0.2, request="b")])
    assert differences(stable, other, Meaning(QualityTask.BINARY, "1")) == ()


def test_errors_of_numbers_are_compared_within_a_bound_that_the_first_rows_set() -> None:
    draw = np.random.default_rng(4)
    stable = [answered(str(x), float(x + e), request=str(i)) for i, (x, e) in enumerate(draw.normal(size=(400, 2)))]
    other = [answered(each.label, float(each.label) + 0.1, request=each.request) for each in stable]
    (found,) = differences(
        VersionAnswers(version="1", digest="d", kept=400, answers=stable),
        VersionAnswers(version="2", digest="e", kept=400, answers=other),
        Meaning(QualityTask.NUMBERS),
    )
    assert (found.figure, found.rows, found.pairs) == ("mae", 400, 350)
    assert found.high is not None
    assert found.high < 0
