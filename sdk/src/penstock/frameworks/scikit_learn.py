"""Estimators and pipelines of scikit-learn, and those of LightGBM and XGBoost that behave like them, by skl2onnx."""

import copy
import warnings
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import packages_distributions
from typing import Any

import numpy as np
import onnx

from penstock.columns import ColumnKind
from penstock.errors import NotConvertible, RowsRefused
from penstock.frameworks import boosted_trees, converted_graph
from penstock.frameworks.double_precision import compute_in_double
from penstock.frameworks.estimator_advice import WORDS, differing_advice, way_out
from penstock.frameworks.estimator_parts import kind_of, parts_of
from penstock.frameworks.extras import needed
from penstock.graph import Array, one_line
from penstock.parity import LABEL, PREDICTION, PROBABILITIES, ParityResult
from penstock.rows import MATRIX, Rows, TableRows

OPSETS = {"": 21, "ai.onnx.ml": 3}
"""The newest operators that a graph may use: pinned, so that a newer skl2onnx asks no more of a runtime."""
_SINGLE, _DOUBLE = "float32", "float64"
"""In which numbers the graph computes."""
_TRANSFORMED = "transformed"
_TO = "convert models of scikit-learn"
_WORDS_IN_ONNX = r"[\pL\pN_][\pL\pN_]+"
"""WORDS for onnxruntime. By itself skl2onnx takes letters of English only, and single ones too."""


class ScikitLearnModel:
    """A fitted estimator or pipeline."""

    ways = (_SINGLE, _DOUBLE)

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self.kind = kind_of(estimator)

    @property
    def packages(self) -> tuple[str, ...]:
        """Those whose classes its parts are of."""
        homes = packages_distributions()
        modules = {type(each).__module__.partition(".")[0] for each in parts_of(self._estimator)} | {"sklearn"}
        found = {homes[module][0] for module in modules if homes.get(module)}
        return tuple(sorted(found | {"cloudpickle", "pandas"}))

    def answers(self, rows: Rows) -> dict[str, Array]:
        """See Convertible."""
        given = rows.frame if isinstance(rows, TableRows) else next(iter(rows.arrays.values()))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return self._answers(given)
        except RowsRefused:
            raise
        except Exception as error:
            raise RowsRefused(
                f"the {self.kind} itself cannot answer X: {one_line(error)}. Is it fitted, and does X have the columns "
                "that it was fitted on, without the label?"
            ) from error

    def _answers(self, given: Any) -> dict[str, Array]:
        model = self._estimator
        if not hasattr(model, "predict"):
            return {_TRANSFORMED: _dense(model.transform(given))}
        predicted = _dense(model.predict(given))
        if _type_of(model) == "regressor":
            return {PREDICTION: predicted.astype(np.float64)}
        if predicted.ndim > 1:
            raise RowsRefused(f"the {self.kind} answers several labels a row: log a model for each label")
        if not hasattr(model, "predict_proba"):
            return {LABEL: predicted}
        return {LABEL: predicted, PROBABILITIES: _dense(model.predict_proba(given))}

    def convert(self, rows: Rows, way: str, outputs: tuple[str, ...]) -> onnx.ModelProto:
        """See Convertible."""
        skl2onnx = needed("skl2onnx", extra="sklearn", to=_TO)
        source = self._source()
        boosted_trees.register(parts_of(source))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model: onnx.ModelProto = skl2onnx.convert_sklearn(
                    source,
                    initial_types=self._inputs(rows, way),
                    target_opset=OPSETS,
                    options=_options(source) or None,
                )
        except Exception as error:  # skl2onnx has no base for what it raises
            raise NotConvertible(
                f"the {self.kind} cannot be written as ONNX: skl2onnx says {one_line(error)}"
            ) from error
        if isinstance(rows, TableRows):
            converted_graph.name_inputs(model, rows.names)
        converted_graph.finished(model, outputs)
        if way == _DOUBLE:
            fills = [np.asarray(part.statistics_) for part in parts_of(source) if hasattr(part, "statistics_")]
            narrow = not boosted_trees.compare_in_double(parts_of(source))
            compute_in_double(model, [each for each in fills if each.dtype.kind in "iuf"], narrow_trees=narrow)
        return model

    def _source(self) -> Any:
        """The estimator as skl2onnx can take it. Raises NotConvertible where it would never end."""
        source = copy.deepcopy(self._estimator)
        for part in parts_of(source):
            if hasattr(part, "tree_") and np.isinf(part.tree_.threshold).any():
                raise NotConvertible(
                    f"the {self.kind} was trained with missing values, and its branches for those cannot be written as "
                    "ONNX"
                )
            if hasattr(part, "flatten_transform"):  # says how a vote is shown to other steps, never what it answers
                part.flatten_transform = False
        boosted_trees.forget_feature_names(parts_of(source))
        return source

    def _inputs(self, rows: Rows, way: str) -> list[tuple[str, Any]]:
        types = needed("skl2onnx.common.data_types", extra="sklearn", to=_TO)
        number = types.FloatTensorType if way == _SINGLE else types.DoubleTensorType
        if not isinstance(rows, TableRows):
            (array,) = rows.arrays.values()
            return [(MATRIX, number([None, *array.shape[1:]]))]
        if rows.numeric and not self._takes_columns_apart:
            return [(MATRIX, number([None, len(rows.columns)]))]
        of_kind = {ColumnKind.NUMBER: number, ColumnKind.TEXT: types.StringTensorType}
        return [(column.name, of_kind.get(column.kind, types.Int64TensorType)([None, 1])) for column in rows.columns]

    @property
    def _takes_columns_apart(self) -> bool:
        return any(type(each).__name__ == "ColumnTransformer" for each in parts_of(self._estimator))

    def save(self, folder: str, **options: Any) -> None:
        """See Convertible. As a pickle: MLflow's own choice, skops, refuses trees."""
        flavor: Any = import_module(boosted_trees.flavor_of(self._estimator) or "mlflow.sklearn")
        if flavor.__name__ != "mlflow.xgboost":
            options["serialization_format"] = "cloudpickle"
        flavor.save_model(self._estimator, path=folder, **options)

    def advice(self, rows: Rows, parity: ParityResult | None) -> str:
        """See Convertible."""
        return differing_advice(self._estimator, rows, parity) if parity else way_out(self._estimator, rows)


def _type_of(estimator: Any) -> str:
    base: Any = import_module("sklearn.base")  # whoever has an estimator has scikit-learn
    return "classifier" if base.is_classifier(estimator) else "regressor" if base.is_regressor(estimator) else ""


def _options(source: Any) -> Mapping[int, Mapping[str, Any]]:
    """What converters are told: plain tensors instead of maps, and scikit-learn's own rule of what a word is."""
    options: dict[int, Mapping[str, Any]] = {
        id(part): {"tokenexp": _WORDS_IN_ONNX}
        for part in parts_of(source)
        if getattr(part, "analyzer", None) == "word" and getattr(part, "token_pattern", None) == WORDS
    }
    if _type_of(source) == "classifier" and hasattr(source, "predict_proba"):
        options[id(source)] = {"zipmap": False}
    return options


def _dense(values: Any) -> Array:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values)
