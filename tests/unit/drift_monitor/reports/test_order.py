from dataclasses import replace
from typing import Any

import pytest

from penstock_contracts.drift import ColumnDrift, DriftVerdict
from penstock_drift_monitor.reports.failure import FailureReason, ReportFailed
from penstock_drift_monitor.reports.order import ReportOrder, Selection, ordered
from penstock_drift_monitor.reports.specification import ReportJob, ReportLimits


def _column(name: str, score: float = 1.0, verdict: DriftVerdict = DriftVerdict.NO_DRIFT) -> ColumnDrift:
    return ColumnDrift(name=name, test="shape", verdict=verdict, score=score, threshold=13.6, rows=10)


def _job(reference: dict[str, Any], current: dict[str, Any], **more: Any) -> ReportJob:
    columns = more.pop("columns", tuple(_column(name) for name in reference))
    return ReportJob(title="demo/fraud", reference=reference, current=current, columns=columns, **more)


def _ordered(job: ReportJob) -> tuple[ReportOrder, Selection]:
    return ordered(job, memory_bytes=2**30, cpu_seconds=60)


def test_of_many_columns_those_with_the_highest_odds_are_shown() -> None:
    sample = {f"column-{place}": [0.0, 1.0] for place in range(200)}
    columns = tuple(_column(name, score=float(place)) for place, name in enumerate(sample))

    order, selection = _ordered(_job(sample, sample, columns=columns))

    assert [column.name for column in order.columns] == [f"column-{place}" for place in range(199, 169, -1)]
    assert len(selection.left_out) == 170
    assert set(selection.left_out.values()) == {"only the 30 columns with the highest odds are shown"}


@pytest.mark.parametrize(
    ("verdict", "decided", "drifted"),
    [
        (DriftVerdict.DRIFT, True, True),
        (DriftVerdict.NO_DRIFT, True, False),
        (DriftVerdict.INCONCLUSIVE, False, False),
        (DriftVerdict.ERROR, False, False),
    ],
)
def test_each_of_the_four_verdicts_reaches_the_report(verdict: DriftVerdict, decided: bool, drifted: bool) -> None:
    order, _ = _ordered(_job({"a": [1.0]}, {"a": [2.0]}, columns=(_column("a", 5.0, verdict),)))

    assert [(c.decided, c.drifted, c.score, c.threshold) for c in order.columns] == [(decided, drifted, 5.0, 13.6)]


def test_a_column_that_is_missing_on_one_side_or_has_no_value_is_named_with_the_reason() -> None:
    nothing = [float("nan")]
    reference = {"kept": [1.0], "only in the sample": [1.0], "void": [1.0], "void sample": nothing}
    current = {"kept": [1.0], "void": nothing, "void sample": [1.0], "prediction (version 8)": [0.5]}
    names = ("kept", "only in the sample", "void", "void sample", "prediction (version 8)")

    order, selection = _ordered(_job(reference, current, columns=tuple(map(_column, names))))

    assert [column.name for column in order.columns] == ["kept"]
    assert selection.left_out == {
        "only in the sample": "the window has no such column",
        "void": "no value in the window: all are missing or not finite",
        "void sample": "no value in the reference sample: all are missing or not finite",
        "prediction (version 8)": "the sample of the version that serves has no such column",
    }


@pytest.mark.parametrize(
    ("reference", "current", "columns", "message"),
    [
        ({"a": []}, {"a": [1.0]}, (_column("a"),), "the reference sample has no rows"),
        ({}, {"a": [1.0]}, (_column("a"),), "the reference sample has no rows"),
        ({"a": [1.0]}, {"a": []}, (_column("a"),), "the window has no rows"),
        ({"a": [1.0]}, {"a": [1.0]}, (), "none was judged yet"),
        ({"a": [1.0]}, {"b": [1.0]}, (_column("a"),), "a: the window has no such column"),
    ],
)
def test_nothing_to_compare_is_no_report_and_says_why(
    reference: dict[str, Any], current: dict[str, Any], columns: tuple[ColumnDrift, ...], message: str
) -> None:
    with pytest.raises(ReportFailed, match=message) as failed:
        _ordered(_job(reference, current, columns=columns))

    assert failed.value.reason is FailureReason.NO_DATA


def test_columns_of_different_length_are_a_mistake_that_is_named() -> None:
    with pytest.raises(ValueError, match="the window: column 'b' has 1 rows, 'a' has 2: give all columns all rows"):
        _ordered(_job({"a": [1.0]}, {"a": [1.0, 2.0], "b": [1.0]}))


def test_rows_beyond_the_limit_are_left_out_and_a_note_says_so() -> None:
    job = _job({"a": list(range(40))}, {"a": list(range(1000))}, limits=ReportLimits(rows=20))

    order, selection = _ordered(job)

    assert [len(getattr(order.columns[0], side).float64) // 8 for side in ("reference", "current")] == [20, 20]
    assert "at most 20 rows each, evenly spread over 40 of the reference and 1,000" in selection.notes[0]


PREDICTED = {"prediction": [0.1, 0.9, 0.4, 0.6]}


@pytest.mark.parametrize(
    ("predictions", "labels", "note"),
    [
        ([0.1, 0.9], [1, 1], "No quality: 2 labelled rows have 1 classes, two are needed."),
        ([0.1, 0.9], [None, None], "No quality: 0 labelled rows have 0 classes, two are needed."),
        ([0.1, 7.9], [0, 1], "No quality: prediction holds neither classes nor probabilities of class 1."),
        (["no", "yes"], [0, 1], "No quality: prediction is no column of numbers in the window."),
        (list(range(30)), list(range(30)), "No quality: there are more than 20 classes."),
    ],
)
def test_why_there_is_no_table_of_quality_is_said(predictions: Any, labels: list[int | None], note: str) -> None:
    order, selection = _ordered(_job({"prediction": predictions}, {"prediction": predictions}, labels=labels))

    assert order.quality is None
    assert selection.notes == (note,)


def test_quality_is_of_the_rows_whose_label_is_known() -> None:
    job = _job(PREDICTED, PREDICTED, labels=[0, 1, None, 1])

    order, selection = _ordered(job)

    assert order.quality is not None
    assert order.quality.labels == (0, 1, 1)
    assert order.quality.predictions == (0.1, 0.9, 0.6)
    assert order.quality.are_probabilities
    assert selection.notes == ("Quality is of 3 labelled rows of the window.",)
    assert _ordered(replace(job, labels=None))[0].quality is None


def test_labels_that_do_not_fit_the_rows_are_a_mistake_that_is_named() -> None:
    with pytest.raises(ValueError, match="1 labels for 4 rows"):
        _ordered(_job(PREDICTED, PREDICTED, labels=[1]))
