"""Who may go on: by the AUC of the ONNX bytes, on the rows that nobody was trained on."""

import math

import pytest

from fraud_detection.evaluation import BelowBarError, Evaluation, evaluate
from fraud_detection.labelled_table import drawn
from fraud_detection.pipeline import Hyperparameters, convert, fit


def judged(auc: float, min_auc: float) -> Evaluation:
    return Evaluation(model="fraud-detector", version="7", auc=auc, min_auc=min_auc, rows=2000, frauds=50)


@pytest.mark.parametrize("auc", [0.8499, 0.0, math.nan])
def test_a_version_below_the_bar_is_refused_with_the_figures(auc: float) -> None:
    with pytest.raises(BelowBarError) as caught:
        judged(auc, 0.85).require()
    assert f"AUC {auc:.4f} of fraud-detector version 7 on 2000 rows, 50 of them fraud" in str(caught.value)
    assert "0.85 is needed (--min-auc)" in str(caught.value)


@pytest.mark.parametrize("auc", [0.85, 1.0])
def test_a_version_at_the_bar_may_go_on(auc: float) -> None:
    judged(auc, 0.85).require()


def test_the_rows_that_were_trained_on_do_not_judge() -> None:
    table = drawn(1500, seed=1, drift=0.0)
    learnt_by_heart = convert(fit(table.training, seed=1, hyperparameters=Hyperparameters(n_estimators=100)))
    result = evaluate("fraud-detector", "7", learnt_by_heart.SerializeToString(), table, min_auc=0.0)
    assert (result.rows, result.frauds) == (500, int(table.judging["label"].sum()))
    assert 0.5 < result.auc < 0.98, "1 is what its training rows would say"
