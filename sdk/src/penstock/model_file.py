"""A model in a file: opened on the caller's own machine, and only where the caller says that it may run."""

import pickle
import zipfile
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import onnx

from penstock.errors import FileNotTrusted, ModelRefused, UnknownKind
from penstock.graph import one_line

_PICKLES = (".pkl", ".pickle", ".joblib", ".cloudpickle")
_TORCH = (".pt", ".pth")
_OTHERS = {
    ".skops": "load it, skops.io.load(file, trusted=...), and give log_model the model",
    ".txt": "load it, lightgbm.Booster(model_file=file), and give log_model the booster",
    ".lgb": "load it, lightgbm.Booster(model_file=file), and give log_model the booster",
    ".json": "load it, xgboost.Booster(model_file=file), and give log_model the booster",
    ".ubj": "load it, xgboost.Booster(model_file=file), and give log_model the booster",
    ".xgb": "load it, xgboost.Booster(model_file=file), and give log_model the booster",
    ".keras": "convert it, tf2onnx.convert.from_keras(model, output_path='model.onnx'), and give log_model that file",
    ".h5": "convert it, tf2onnx.convert.from_keras(model, output_path='model.onnx'), and give log_model that file",
    ".safetensors": "load the weights into your module, module.load_state_dict(...), and give log_model the module",
    ".cbm": "model.save_model('model.onnx', format='onnx'), and give log_model that file",
}


def opened_model(file: Path, *, trust_pickle: bool) -> Any:
    """Load the model of a file.

    Raises FileNotTrusted for a pickle that nobody said to trust, UnknownKind for what holds no model, ModelRefused for
    what cannot be loaded here.
    """
    if not file.exists():
        raise UnknownKind(f"{file} does not exist: give a model, or the path of its file")
    ending = file.suffix.lower()
    if ending == ".onnx":
        return _loaded(file, onnx.load)
    if ending not in (*_PICKLES, *_TORCH):
        raise UnknownKind(
            f"{file} is no .onnx, .joblib, .pkl or .pt file: {_OTHERS.get(ending, 'load it, and give that')}"
        )
    if not trust_pickle:
        raise FileNotTrusted(
            f"{file} is a pickle: opening it runs whatever code is in it, here, as you. If it comes from you or from "
            "somebody whom you trust, say so: log_model(..., trust_pickle=True). The cluster never opens it"
        )
    return _of_torch(file) if ending in _TORCH else _loaded(file, _unpickled)


def _unpickled(file: Path) -> Any:
    try:
        return import_module("joblib").load(file)  # reads plain pickles too
    except ImportError:
        with file.open("rb") as opened:
            return pickle.load(opened)  # noqa: S301 - the caller trusts it


def _of_torch(file: Path) -> Any:
    torch: Any = import_module("torch")
    module = partial(torch.load, map_location="cpu", weights_only=False)
    model = _loaded(file, torch.jit.load if _is_script(file) else module)
    if isinstance(model, dict):
        raise UnknownKind(
            f"{file} holds the weights of a module, not the module: make it and load them, "
            f"module.load_state_dict(torch.load({file.name!r})), and give log_model the module"
        )
    return model


def _is_script(file: Path) -> bool:
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _loaded(file: Path, load: Any) -> Any:
    try:
        return load(file)
    except Exception as error:  # a pickle may raise anything
        raise ModelRefused(
            f"{file} cannot be loaded here: {one_line(error)}. Load it where it was made, with the same versions of "
            "its packages and with the modules that define its classes"
        ) from error
