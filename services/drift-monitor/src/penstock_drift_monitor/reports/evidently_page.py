"""The one module that knows Evidently. Only a report's own process imports it: that takes 300 MB and seconds."""

import json
import math
import warnings
from typing import Any, Final

import numpy as np
import pandas as pd
from evidently import (  # type: ignore[import-untyped]
    BinaryClassification,
    DataDefinition,
    Dataset,
    MulticlassClassification,
    Report,
)
from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest  # type: ignore[import-untyped]
from evidently.legacy.core import ColumnType  # type: ignore[import-untyped]
from evidently.presets import ClassificationPreset, DataDriftPreset, DataSummaryPreset  # type: ignore[import-untyped]

from penstock_drift_monitor.reports.columns import Categories, Numbers
from penstock_drift_monitor.reports.order import OrderedColumn, OrderedQuality, ReportAnswer, ReportOrder

_DECIDED: Final = "penstock"
_UNDECIDED: Final = "penstock-undecided"
_USUAL_SHARE: Final = 0.5
_LARGEST: Final = 1e150
"""Evidently squares values; beyond this the square is no number any more."""


def answered(order: ReportOrder) -> ReportAnswer:
    """Make the page: what drifted, what the columns hold, and how good predictions were where labels are known."""
    _register({column.name: column for column in order.columns})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas and numpy, about columns that are nearly empty
        current, reference = _datasets(order)
        drift = Report([_drift(order)], include_tests=True).run(current, reference)
        told = _strict(drift.json())
        _must_agree(told, order)
        # Runs of their own, on one page: a summary's tests would be verdicts that are not ours, and the reference
        # sample has no labels.
        summary = Report([DataSummaryPreset()]).run(current, reference)
        quality = None if order.quality is None else _quality(order.quality)
        for more in filter(None, (summary, quality)):
            drift._widgets.extend(more._widgets)  # noqa: SLF001 - the version is pinned
        return ReportAnswer(
            html=drift.get_html_str(as_iframe=False).encode(),
            drift=told,
            summary=_strict(summary.json()),
            quality=None if quality is None else _strict(quality.json()),
        )


def _register(columns: dict[str, OrderedColumn]) -> None:
    """Register our verdict as Evidently's test: whatever data it is asked about, it tells what the decider found."""

    def told(_: pd.Series, current: pd.Series, __: Any, ___: float) -> tuple[float, bool]:
        column = columns[str(current.name)]
        return column.score, column.drifted

    for name, shown in ((_DECIDED, "Penstock, log odds"), (_UNDECIDED, "Penstock, log odds: NO VERDICT YET")):
        types = [ColumnType.Numerical, ColumnType.Categorical]
        register_stattest(StatTest(name=name, display_name=shown, allowed_feature_types=types), told)


def _drift(order: ReportOrder) -> Any:
    return DataDriftPreset(
        columns=[column.name for column in order.columns],
        per_column_method={column.name: _DECIDED if column.decided else _UNDECIDED for column in order.columns},
        per_column_threshold={column.name: column.threshold for column in order.columns},
        drift_share=_share(order),
    )


def _datasets(order: ReportOrder) -> tuple[Any, Any]:
    """Give the window and the reference sample."""
    definition = DataDefinition(
        numerical_columns=[column.name for column in order.columns if isinstance(column.reference, Numbers)],
        categorical_columns=[column.name for column in order.columns if isinstance(column.reference, Categories)],
    )
    current = pd.DataFrame({column.name: _series(column.current) for column in order.columns})
    reference = pd.DataFrame({column.name: _series(column.reference) for column in order.columns})
    return (
        Dataset.from_pandas(current, data_definition=definition),
        Dataset.from_pandas(reference, data_definition=definition),
    )


def _must_agree(told: dict[str, Any], order: ReportOrder) -> None:
    """Raise RuntimeError when a column's verdict in Evidently's JSON is not ours: no report is better than that."""
    theirs = {
        test["metric_config"]["params"]["column"]: test["status"] for test in told["tests"] if test["id"] == "drift"
    }
    ours = {column.name: "FAIL" if column.drifted else "SUCCESS" for column in order.columns}
    if theirs != ours:
        differing = sorted(name for name in theirs.keys() | ours.keys() if theirs.get(name) != ours.get(name))
        raise RuntimeError(f"Evidently tells another verdict than ours of: {', '.join(differing)}")


def _share(order: ReportOrder) -> float:
    """Give the share of drifted columns from which Evidently calls the data set drifted, such that it says what we say.

    It counts the columns that are shown. We count all, and have key columns and the prediction.
    """
    drifted = sum(column.drifted for column in order.columns) / len(order.columns)
    if order.dataset_drift:
        return min(drifted, _USUAL_SHARE)
    return _USUAL_SHARE if drifted < _USUAL_SHARE else math.nextafter(drifted, math.inf)


def _quality(quality: OrderedQuality) -> Any:
    names = {"target": "label", "prediction": "prediction"}
    frame = pd.DataFrame({"label": quality.labels, "prediction": quality.predictions})
    classification: Any
    if quality.are_probabilities:
        classification = BinaryClassification(
            target=names["target"], prediction_probas=names["prediction"], pos_label=1
        )
        definition = DataDefinition(
            classification=[classification], numerical_columns=["prediction"], categorical_columns=["label"]
        )
    else:
        frame["prediction"] = frame["prediction"].astype(int)
        if {*frame["label"], *frame["prediction"]} == {0, 1}:
            classification = BinaryClassification(
                target=names["target"], prediction_labels=names["prediction"], pos_label=1
            )
        else:
            classification = MulticlassClassification(target=names["target"], prediction_labels=names["prediction"])
        definition = DataDefinition(classification=[classification], categorical_columns=["label", "prediction"])
    return Report([ClassificationPreset()]).run(Dataset.from_pandas(frame, data_definition=definition), None)


def _series(column: Numbers | Categories) -> Any:
    match column:
        case Numbers(float64=packed):
            return np.clip(np.frombuffer(packed, "<f8"), -_LARGEST, _LARGEST)
        case Categories(names=names, int32=packed):
            listed = np.array([*names, None], dtype=object)
            return listed[np.frombuffer(packed, "<i4")]


def _strict(text: str) -> dict[str, Any]:
    """Read Evidently's JSON, with null for what JSON has no number for."""
    read: dict[str, Any] = json.loads(text, parse_constant=lambda _: None)
    return read
