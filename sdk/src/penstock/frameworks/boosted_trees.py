"""LightGBM's and XGBoost's estimators among scikit-learn's: what skl2onnx must be told of them."""

from collections.abc import Iterable, Iterator
from typing import Any

from penstock.frameworks.extras import needed

_CONVERTERS = {
    "lightgbm": ("onnxmltools.convert.lightgbm.operator_converters.LightGbm", "convert_lightgbm"),
    "xgboost": ("onnxmltools.convert.xgboost.operator_converters.XGBoost", "convert_xgboost"),
}
_FLAVORS = {"lightgbm": "mlflow.lightgbm", "xgboost": "mlflow.xgboost"}
_OPTIONS = {"nocl": [True, False], "zipmap": [True, False, "columns"]}


def register(parts: Iterable[Any]) -> None:
    """Tell skl2onnx how to convert those that are LightGBM's or XGBoost's. Raises ExtraMissing."""
    for framework, kind in {(framework, type(part)) for framework, part in _boosted(parts)}:
        module, function = _CONVERTERS[framework]
        to = f"convert models of {framework}"
        convert = getattr(needed(module, extra=framework, to=to), function)
        skl2onnx = needed("skl2onnx", extra=framework, to=to)
        shapes = needed("skl2onnx.common.shape_calculator", extra=framework, to=to)
        if hasattr(kind, "predict_proba"):
            skl2onnx.update_registered_converter(
                kind,
                f"Penstock{kind.__name__}",
                shapes.calculate_linear_classifier_output_shapes,
                convert,
                options=_OPTIONS,
            )
        else:
            skl2onnx.update_registered_converter(
                kind, f"Penstock{kind.__name__}", shapes.calculate_linear_regressor_output_shapes, convert
            )


def forget_feature_names(parts: Iterable[Any]) -> None:
    """XGBoost's converter reads names as numbers, unless there are none."""
    for framework, part in _boosted(parts):
        if framework == "xgboost":
            part.get_booster().feature_names = None


def compare_in_double(parts: Iterable[Any]) -> bool:
    """LightGBM's trees compare in float64; scikit-learn's and XGBoost's round to float32 first."""
    return any(framework == "lightgbm" for framework, _ in _boosted(parts))


def flavor_of(estimator: Any) -> str | None:
    """MLflow's module for the estimator itself; None: that of scikit-learn."""
    return next((_FLAVORS[framework] for framework, _ in _boosted([estimator])), None)


def _boosted(parts: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for part in parts:
        framework = type(part).__module__.partition(".")[0]
        if framework in _CONVERTERS and hasattr(part, "fit"):
            yield framework, part
