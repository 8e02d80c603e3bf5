"""Estimators and pipelines of scikit-learn, by skl2onnx."""

import warnings
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import packages_distributions
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from penstock.columns import ColumnKind
from penstock.errors import NotConvertible, RowsRefused
from penstock.frameworks.convertible import Precision
from penstock.frameworks.extras import needed
from penstock.graph import Array, keep_outputs, one_line, renamed
from penstock.parity import LABEL, PREDICTION, PROBABILITIES
from penstock.rows import MATRIX, Rows, TableRows

OPSETS = {"": 21, "ai.onnx.ml": 3}
"""The newest operators that a graph may use: pinned, so that a newer skl2onnx asks no more of a runtime."""
_TRANSFORMED = "transformed"
_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")
_EXTRA = "sklearn"


class ScikitLearnModel:
    """A fitted estimator or pipeline."""

    precisions = (Precision.SINGLE, Precision.DOUBLE)

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.kind = _kind(estimator)

    @property
    def packages(self) -> tuple[str, ...]:
        """Those whose classes its steps are of."""
        homes = packages_distributions()
        modules = {type(each).__module__.partition(".")[0] for each in parts_of(self.estimator)} | {"sklearn"}
        return tuple(sorted({homes[module][0] for module in modules if homes.get(module)} | {"cloudpickle", "pandas"}))

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
                "that it was fitted on?"
            ) from error

    def _answers(self, given: Any) -> dict[str, Array]:
        model = self.estimator
        if not hasattr(model, "predict"):
            return {_TRANSFORMED: _dense(model.transform(given))}
        predicted = _dense(model.predict(given))
        if _type_of(model) == "regressor":
            return {PREDICTION: predicted.astype(np.float64)}
        if predicted.ndim > 1:
            raise RowsRefused(f"the {self.kind} answers several labels a row: log a model for each")
        if not hasattr(model, "predict_proba"):
            return {LABEL: predicted}
        return {LABEL: predicted, PROBABILITIES: _dense(model.predict_proba(given))}

    def convert(self, rows: Rows, precision: Precision, outputs: tuple[str, ...]) -> onnx.ModelProto:
        """See Convertible."""
        skl2onnx = needed("skl2onnx", extra=_EXTRA, to="convert models of scikit-learn")
        self._check_thresholds()
        options = {id(self.estimator): {"zipmap": False}} if _type_of(self.estimator) == "classifier" else None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model: onnx.ModelProto = skl2onnx.convert_sklearn(
                    self.estimator,
                    initial_types=self._inputs(rows, precision),
                    target_opset=OPSETS,
                    options=options,
                )
        except Exception as error:  # skl2onnx has no base for what it raises
            raise NotConvertible(f"skl2onnx cannot convert the {self.kind}: {one_line(error)}") from error
        return _finished(model, rows, precision, outputs)

    def _check_thresholds(self) -> None:
        """Raise NotConvertible for trees with a branch for missing values alone: skl2onnx never ends on those."""
        if any(np.isinf(each.tree_.threshold).any() for each in parts_of(self.estimator) if hasattr(each, "tree_")):
            raise NotConvertible(
                f"the {self.kind} was trained with missing values, and its branches for those cannot be written as "
                "ONNX: put SimpleImputer(add_indicator=True) before the trees, or use LightGBM or XGBoost"
            )

    def _inputs(self, rows: Rows, precision: Precision) -> list[tuple[str, Any]]:
        types = needed("skl2onnx.common.data_types", extra=_EXTRA, to="convert models of scikit-learn")
        number = types.FloatTensorType if precision is Precision.SINGLE else types.DoubleTensorType
        if not isinstance(rows, TableRows):
            (array,) = rows.arrays.values()
            return [(MATRIX, number([None, *array.shape[1:]]))]
        if rows.numeric and not self._takes_columns_apart:
            return [(MATRIX, number([None, len(rows.columns)]))]
        of_kind = {ColumnKind.NUMBER: number, ColumnKind.TEXT: types.StringTensorType}
        return [(column.name, of_kind.get(column.kind, types.Int64TensorType)([None, 1])) for column in rows.columns]

    @property
    def _takes_columns_apart(self) -> bool:
        return any(type(each).__name__ == "ColumnTransformer" for each in parts_of(self.estimator))

    def save(self, folder: str, **options: Any) -> None:
        """See Convertible. As a pickle: MLflow's own choice, skops, refuses trees."""
        import mlflow.sklearn  # noqa: PLC0415 - imports scikit-learn

        mlflow.sklearn.save_model(self.estimator, folder, serialization_format="cloudpickle", **options)


def parts_of(estimator: Any) -> Iterator[Any]:
    """The estimator and all that it is made of."""
    yield estimator
    for value in vars(estimator).values():
        yield from (part for each in _members(value) if _is_estimator(each) for part in parts_of(each))


def _is_estimator(value: Any) -> bool:
    return hasattr(value, "get_params") and not isinstance(value, type)


def _members(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.dtype.kind == "O"):
        for each in value:
            yield from _members(each)
    elif isinstance(value, dict):
        yield from value.values()
    else:
        yield value


def _kind(estimator: Any) -> str:
    steps = getattr(estimator, "steps", None)
    return f"{type(estimator).__name__} of {_kind(steps[-1][1])}" if steps else type(estimator).__name__


def _type_of(estimator: Any) -> str:
    base: Any = import_module("sklearn.base")  # whoever has an estimator has scikit-learn
    return "classifier" if base.is_classifier(estimator) else "regressor" if base.is_regressor(estimator) else ""


def _dense(values: Any) -> Array:
    return np.asarray(values.toarray() if hasattr(values, "toarray") else values)


def _finished(model: onnx.ModelProto, rows: Rows, precision: Precision, outputs: tuple[str, ...]) -> onnx.ModelProto:
    if isinstance(rows, TableRows):
        _name_inputs(model, rows.names)
    keep_outputs(model, outputs)
    if precision is Precision.DOUBLE:
        _narrow_before_trees(model)
    # skl2onnx keeps these in a set, whose order changes from process to process: equal trees would get unequal digests.
    model.opset_import.sort(key=lambda opset: str(opset.domain))
    return model


def _name_inputs(model: onnx.ModelProto, names: list[str]) -> None:
    """Give inputs the columns' own names: skl2onnx writes `amount__EUR_` for `amount (EUR)`."""
    by_bare = {_bare(name): name for name in names}
    if len(by_bare) < len(names):
        return
    renamed(model, {each.name: by_bare[_bare(each.name)] for each in model.graph.input if _bare(each.name) in by_bare})


def _bare(name: str) -> str:
    return "".join(character for character in name if character.isalnum())


def _narrow_before_trees(model: onnx.ModelProto) -> None:
    """Round numbers to float32 before trees, as scikit-learn's trees do themselves; what goes before them is computed
    in float64, as there. Without that a scaler before trees puts rows into other leaves.
    """
    nodes = list(model.graph.node)
    del model.graph.node[:]
    for number, node in enumerate(nodes):
        if node.op_type in _TREES:
            wide, narrow, again = node.input[0], f"{node.input[0]}_narrow_{number}", f"{node.input[0]}_again_{number}"
            model.graph.node.append(helper.make_node("Cast", [wide], [narrow], to=TensorProto.FLOAT))
            model.graph.node.append(helper.make_node("Cast", [narrow], [again], to=TensorProto.DOUBLE))
            node.input[0] = again
        model.graph.node.append(node)
