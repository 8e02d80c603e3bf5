"""Who is better, what is told of it, and that the alarm ends once the new version serves."""

import math

import numpy as np
import pandas as pd
import pytest

from fraud_detection.data import CATEGORICAL, FEATURES, labelled, transactions
from fraud_detection.retrain import AucJudgement, NotBetter, RetrainOrder, lineage, reference_rows
from fraud_detection.window import LabelledWindow
from penstock_drift_monitor.detector.detector import Detector
from penstock_drift_monitor.detector.reference import Reference
from penstock_drift_monitor.detector.sample import Values


def judgement(champion: float, challenger: float) -> AucJudgement:
    return AucJudgement(champion_version="7", champion_auc=champion, challenger_auc=challenger, rows=1000, positives=40)


@pytest.mark.parametrize(
    ("champion", "challenger", "must_gain"),
    [(0.9, 0.9, 0.0), (0.9, 0.8, 0.0), (0.8, 0.81, 0.02), (0.8, math.nan, 0.0), (math.nan, 0.9, 0.0)],
)
def test_who_is_not_better_by_enough_is_refused_with_the_figures(
    champion: float, challenger: float, must_gain: float
) -> None:
    with pytest.raises(NotBetter) as caught:
        judgement(champion, challenger).require(must_gain)
    assert f"AUC {challenger:.4f} of the challenger against {champion:.4f}" in str(caught.value)
    assert "version 7" in str(caught.value)
    assert "newest 1000 labelled rows, 40 of them fraud" in str(caught.value)


@pytest.mark.parametrize(("champion", "challenger", "must_gain"), [(0.7, 0.71, 0.0), (0.7, 0.75, 0.02)])
def test_who_is_better_by_enough_passes(champion: float, challenger: float, must_gain: float) -> None:
    judgement(champion, challenger).require(must_gain)


def test_what_nobody_told_is_no_tag() -> None:
    frame = labelled(10, seed=1)
    window = LabelledWindow(training=frame.head(8), judging=frame.tail(2), first="a", last="b", unreadable=0)
    tags = lineage(RetrainOrder(window_url="http://monitor", reason="DatasetDrift"), window, judgement(0.7, 0.8))
    assert tags == {
        "penstock.champion_version": "7",
        "penstock.champion_auc": "0.700000",
        "penstock.challenger_auc": "0.800000",
        "penstock.window_from": "a",
        "penstock.window_to": "b",
        "penstock.window_rows": "10",
        "penstock.reason": "DatasetDrift",
    }


def test_the_sample_is_of_the_window_with_a_tenth_of_before() -> None:
    old, new = labelled(1000, seed=1).assign(of="old"), labelled(4000, seed=2, drift=1.0).assign(of="new")
    assert reference_rows(old, new, seed=1)["of"].value_counts().to_dict() == {"new": 1800, "old": 200}
    assert reference_rows(old.head(50), new, seed=1)["of"].value_counts().to_dict() == {"new": 1950, "old": 50}
    assert reference_rows(old, new.head(400), seed=1)["of"].value_counts().to_dict() == {"new": 360, "old": 40}
    again = reference_rows(old, new, seed=1)
    pd.testing.assert_frame_equal(again, reference_rows(old, new, seed=1))


def values(frame: pd.DataFrame) -> dict[str, Values]:
    """By column, as the monitor reads a sample."""
    return {
        name: frame[name].tolist() if name in CATEGORICAL else frame[name].to_numpy(np.float64) for name in FEATURES
    }


def drifting(sample: pd.DataFrame, live: pd.DataFrame) -> set[str]:
    """Columns that the monitor's own detector calls drifted."""
    reference = Reference.of(values(sample))
    detector = Detector(reference, period_seconds=0)
    for start in range(0, len(live), 100):
        detector.add(reference.count(values(live.iloc[start : start + 100])), at=float(start))
    return {each.column for each in detector.findings() if each.drifted}


def test_the_alarm_ends_when_live_data_is_compared_with_the_new_sample() -> None:
    old, window = labelled(2000, seed=1), labelled(4000, seed=2, drift=1.0)
    live = transactions(10_000, seed=3, drift=1.0)
    assert len(drifting(old, live)) >= 5
    assert drifting(reference_rows(old, window, seed=1), live) == set()
