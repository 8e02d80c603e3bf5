"""Boosters of LightGBM and XGBoost that are no estimators: what `lightgbm.train` and `xgboost.train` give."""

import json
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import onnx

from penstock.errors import NotConvertible, RowsRefused
from penstock.frameworks import converted_graph
from penstock.frameworks.extras import needed
from penstock.graph import Array, one_line
from penstock.parity import LABEL, PREDICTION, PROBABILITIES, ParityResult
from penstock.rows import MATRIX, Rows, TableRows

_SINGLE = "float32"
_OPSET = 15
"""The newest that onnxmltools writes."""
_HALF = 0.5


class LightGbmBooster:
    """A `lightgbm.Booster`."""

    kind = "LightGBM booster"
    ways = (_SINGLE,)
    packages = ("lightgbm", "pandas")

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        self._objective = str(booster.params.get("objective") or booster.dump_model().get("objective", ""))

    def answers(self, rows: Rows) -> dict[str, Array]:
        """See Convertible."""
        try:
            answers = np.asarray(self._booster.predict(_given(rows)))
        except Exception as error:  # lightgbm's own has no public base
            raise RowsRefused(f"the {self.kind} itself cannot answer X: {one_line(error)}") from error
        return _named(answers, classifies=self._objective.startswith(("binary", "multiclass", "cross_entropy")))

    def convert(self, rows: Rows, way: str, outputs: tuple[str, ...]) -> onnx.ModelProto:  # noqa: ARG002 - there is one
        """See Convertible."""
        onnxmltools = needed("onnxmltools", extra="lightgbm", to="convert boosters of LightGBM")
        return _converted(self.kind, partial(onnxmltools.convert_lightgbm, zipmap=False), self._booster, rows, outputs)

    def save(self, folder: str, **options: Any) -> None:
        """See Convertible."""
        flavor: Any = import_module("mlflow.lightgbm")
        flavor.save_model(self._booster, path=folder, **options)

    def advice(self, rows: Rows, parity: ParityResult | None) -> str:  # noqa: ARG002 - the same for all
        """See Convertible."""
        return _ADVICE


class XgboostBooster:
    """An `xgboost.Booster`."""

    kind = "XGBoost booster"
    ways = (_SINGLE,)

    def __init__(self, booster: Any) -> None:
        self._booster = booster
        learner = json.loads(booster.save_config())["learner"]
        self._objective = str(learner["objective"]["name"])

    @property
    def packages(self) -> tuple[str, ...]:
        """See Convertible. The same module is in two distributions."""
        return ("xgboost", "xgboost-cpu", "pandas")

    def answers(self, rows: Rows) -> dict[str, Array]:
        """See Convertible."""
        xgboost: Any = import_module("xgboost")  # whoever has a booster has it
        try:
            answers = np.asarray(self._booster.predict(xgboost.DMatrix(_given(rows))))
        except Exception as error:
            raise RowsRefused(f"the {self.kind} itself cannot answer X: {one_line(error)}") from error
        return _named(answers, classifies=self._objective in ("binary:logistic", "multi:softprob", "reg:logistic"))

    def convert(self, rows: Rows, way: str, outputs: tuple[str, ...]) -> onnx.ModelProto:  # noqa: ARG002 - there is one
        """See Convertible."""
        onnxmltools = needed("onnxmltools", extra="xgboost", to="convert boosters of XGBoost")
        unnamed = self._booster.copy()
        unnamed.feature_names = None  # the converter reads names as numbers
        return _converted(self.kind, onnxmltools.convert_xgboost, unnamed, rows, outputs)

    def save(self, folder: str, **options: Any) -> None:
        """See Convertible."""
        flavor: Any = import_module("mlflow.xgboost")
        flavor.save_model(self._booster, path=folder, **options)

    def advice(self, rows: Rows, parity: ParityResult | None) -> str:  # noqa: ARG002 - the same for all
        """See Convertible."""
        return _ADVICE


_ADVICE = (
    "Encode categories before training, for example by OneHotEncoder in a Pipeline of scikit-learn with LGBMClassifier "
    "or XGBClassifier. Thresholds become float32 in ONNX: subtract offsets of large numbers first, and train on "
    "X.astype('float32')."
)


def _given(rows: Rows) -> Any:
    return rows.frame if isinstance(rows, TableRows) else next(iter(rows.arrays.values()))


def _named(answers: Array, *, classifies: bool) -> dict[str, Array]:
    """A booster answers numbers alone; its graph, where it classifies, answers a label too."""
    if not classifies:
        return {PREDICTION: answers}
    if answers.ndim == 1:
        return {LABEL: (answers > _HALF).astype(np.int64), PROBABILITIES: np.column_stack([1 - answers, answers])}
    return {LABEL: answers.argmax(axis=1), PROBABILITIES: answers}


def _converted(
    kind: str, convert: Callable[..., onnx.ModelProto], booster: Any, rows: Rows, outputs: tuple[str, ...]
) -> onnx.ModelProto:
    types: Any = import_module("onnxmltools.convert.common.data_types")
    width = len(rows.columns) if isinstance(rows, TableRows) else next(iter(rows.arrays.values())).shape[1]
    if isinstance(rows, TableRows) and not rows.numeric:
        raise NotConvertible(
            f"X has columns of texts, which the {kind} was trained on as categories: ONNX has no such trees"
        )
    try:
        model = convert(booster, initial_types=[(MATRIX, types.FloatTensorType([None, width]))], target_opset=_OPSET)
    except Exception as error:
        raise NotConvertible(f"onnxmltools cannot convert the {kind}: {one_line(error)}") from error
    return converted_graph.finished(model, outputs)
