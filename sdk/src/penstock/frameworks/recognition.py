"""Which framework a model is of. No framework is imported to find out."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from penstock.errors import UnknownKind
from penstock.frameworks.convertible import Convertible

_KINDS: Mapping[tuple[str, str], tuple[str, str]] = {
    ("sklearn", "BaseEstimator"): ("scikit_learn", "ScikitLearnModel"),
    ("lightgbm", "Booster"): ("boosters", "LightGbmBooster"),
    ("xgboost", "Booster"): ("boosters", "XgboostBooster"),
    ("torch", "Module"): ("pytorch", "PyTorchModel"),
    ("onnx", "ModelProto"): ("onnx_file", "OnnxModel"),
}
"""Package and name of a class that a model's own is or builds on, and what handles such models here."""


def recognised(model: Any) -> Convertible:
    """Wrap a model for its framework. Raises UnknownKind."""
    for each in type(model).__mro__:
        found = _KINDS.get((each.__module__.partition(".")[0], each.__name__))
        if found:
            module, name = found
            wrapped: Convertible = getattr(import_module(f"penstock.frameworks.{module}"), name)(model)
            return wrapped
    package = type(model).__module__.partition(".")[0]
    raise UnknownKind(
        f"a {type(model).__module__}.{type(model).__qualname__} is no model that can be converted here: "
        f"{_OTHERS.get(package, _GIVE)}"
    )


_GIVE = (
    "give an estimator or pipeline of scikit-learn, a model of LightGBM or XGBoost, a torch.nn.Module, an ONNX model, "
    "or the path of a file with one"
)
_OTHERS = {
    "catboost": "model.save_model('model.onnx', format='onnx'), and give log_model that file",
    "keras": "tf2onnx.convert.from_keras(model, output_path='model.onnx'), and give log_model that file",
    "tensorflow": "tf2onnx.convert.from_keras(model, output_path='model.onnx'), and give log_model that file",
    "statsmodels": "fit the same model with scikit-learn (LinearRegression, LogisticRegression), and give that",
    "pyspark": "onnxmltools.convert_sparkml(model, ...) gives an ONNX model: give log_model that",
    "builtins": _GIVE,
}
"""By package: how its models become ONNX."""
