"""Which files of an artifact are the model and what goes with it. Pure: a listing in, a choice out."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from penstock_contracts import feature_file
from penstock_model_store.artifact_paths import checked_path, parent_of
from penstock_model_store.errors import BadMetadata, NoModelFile, PickleOnly, PythonModel, SeveralModelFiles

METADATA = "MLmodel"
EXAMPLES = ("serving_input_example.json", "input_example.json")
"""In order of preference: MLflow writes the first in one of its serving forms, which name what they hold."""
REFERENCES = ("reference.parquet", "reference.csv", "extra_files/reference.parquet", "extra_files/reference.csv")
"""Where the training sample is looked for. `extra_files/` is where MLflow's `extra_files=` puts it."""
RESERVED = frozenset(
    {"card.json", "signature.json", feature_file.FILE, "input_example.json", "reference.parquet", "reference.csv"}
)
"""Names that the store gives to files of its own: a data file of the model may not have them."""

_NATIVE = {
    ".skops": "a scikit-learn model in skops' form",
    ".xgb": "an XGBoost model",
    ".ubj": "an XGBoost model",
    ".lgb": "a LightGBM model",
}
"""What a file is by its ending, of what Penstock for Python converts."""
_CONVERTERS = {
    ".keras": ("a Keras model", "tf2onnx.convert.from_keras(model)"),
    ".h5": ("a Keras model", "tf2onnx.convert.from_keras(model)"),
    ".safetensors": ("the weights of a model", "torch.onnx.export(model, args)"),
    ".pt2": ("a PyTorch program", "torch.onnx.export(model, args)"),
    ".cb": ("a CatBoost model", "model.save_model('model.onnx', format='onnx')"),
}
"""What another file is by its ending, and the line that makes ONNX of it."""
_PICKLES = (".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill", ".pt", ".pth")


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A file of the artifact, as its store lists it."""

    path: str
    size: int
    """Bytes; 0 where the artifact store does not tell."""


@dataclass(frozen=True, kw_only=True)
class ArtifactLayout:
    """The files that matter. Paths are those of the artifact."""

    model: str
    example: str | None
    reference: str | None
    features: str | None
    signature_inputs: str | None
    """MLflow's JSON text of the signature's inputs."""


def chosen_layout(files: Sequence[Listed], metadata: str | None, version: str) -> ArtifactLayout:
    """Find what runs in a listing and the text of its MLmodel file (None: there is none).

    `version`: model and version, with a stroke between, for what a refusal says to write.
    Raises BadMetadata, PickleOnly, PythonModel, NoModelFile or SeveralModelFiles.
    """
    paths = {file.path for file in files}
    described = _parsed(metadata)
    return ArtifactLayout(
        model=_model_path(paths, described, version),
        example=_example_path(paths, described),
        reference=next((path for path in REFERENCES if path in paths), None),
        features=next((path for path in feature_file.PATHS if path in paths), None),
        signature_inputs=_signature_inputs(described),
    )


def _parsed(metadata: str | None) -> dict[str, Any]:
    if metadata is None:
        return {}
    try:
        document = yaml.safe_load(metadata)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadMetadata(f"{METADATA} is not YAML ({_first_line(error)}): log the model again with MLflow") from error
    if not isinstance(document, dict):
        raise BadMetadata(f"{METADATA} is not a mapping: log the model again with MLflow")
    return document


def _model_path(paths: set[str], described: dict[str, Any], version: str) -> str:
    declared = _declared_model(described)
    if declared is None:
        _check_no_python(paths, described)
    if declared is not None and declared not in paths:
        raise NoModelFile(
            f"{METADATA} names {declared!r} as the ONNX model, which is not in the artifact: log it again"
        )
    candidates = [declared] if declared is not None else sorted(path for path in paths if path.endswith(".onnx"))
    if len(candidates) > 1:
        raise SeveralModelFiles(
            f"{', '.join(candidates[:5])} are all ONNX files and no {METADATA} file tells which one to serve: "
            "log the model with mlflow.onnx.log_model, or register a folder with one .onnx"
        )
    if not candidates:
        raise _no_model(paths, version)
    return candidates[0]


def _check_no_python(paths: set[str], described: dict[str, Any]) -> None:
    """Refuse a model whose answers Python code gives, with an ONNX file among what it uses: the file alone would give
    others.
    """
    flavors = described.get("flavors")
    function = flavors.get("python_function") if isinstance(flavors, dict) else None
    loader = function.get("loader_module") if isinstance(function, dict) else None
    nets = sorted(path for path in paths if path.endswith(".onnx"))
    if not nets or not isinstance(loader, str) or (loader.startswith("mlflow.") and loader != "mlflow.pyfunc.model"):
        return
    raise PythonModel(
        f"{METADATA} says that {loader} answers, which is Python code around {nets[0]}: code from an artifact is never "
        "run. Put what it does before and after into the graph, and log that, mlflow.onnx.log_model(onnx.load(...), "
        "name='model')"
    )


def _declared_model(described: dict[str, Any]) -> str | None:
    flavors = described.get("flavors")
    flavor = flavors.get("onnx") if isinstance(flavors, dict) else None
    data = flavor.get("data") if isinstance(flavor, dict) else None
    return checked_path(data) if isinstance(data, str) else None


def _no_model(paths: set[str], version: str) -> NoModelFile | PickleOnly:
    pickles = sorted(path for path in paths if path.lower().endswith(_PICKLES))
    if pickles:
        return PickleOnly(
            f"{pickles[0]} is a pickle, which runs code when it is opened, and there is no .onnx: {_way_out(version)}"
        )
    for path in sorted(paths):
        ending = posixpath.splitext(path)[1].lower()
        if ending in _NATIVE:
            return NoModelFile(f"{path} is {_NATIVE[ending]}, and there is no .onnx: {_way_out(version)}")
        what, line = _CONVERTERS.get(ending, ("", ""))
        if line:
            return NoModelFile(
                f"{path} is {what}, and there is no .onnx: convert the model, {line}, and log that with "
                "mlflow.onnx.log_model"
            )
    shown = ", ".join(sorted(paths)[:5])
    return NoModelFile(f"no .onnx among the {len(paths)} files ({shown}): register a model in ONNX form")


def _way_out(version: str) -> str:
    name = version.rpartition("/")[0]
    return (
        f"register it as ONNX too, where it was trained. Either `penstock convert models:/{version}`, or in Python "
        f"penstock.log_model(model, name={name!r}, X=X); both come with pip install penstock-sdk"
    )


def _example_path(paths: set[str], described: dict[str, Any]) -> str | None:
    info = described.get("saved_input_example_info")
    named = [info.get("serving_input_path"), info.get("artifact_path")] if isinstance(info, dict) else []
    return next((path for path in (*named, *EXAMPLES) if isinstance(path, str) and path in paths), None)


def _signature_inputs(described: dict[str, Any]) -> str | None:
    signature = described.get("signature")
    if signature is None:
        return None
    inputs = signature.get("inputs") if isinstance(signature, dict) else signature
    if inputs is None:
        return None
    if not isinstance(inputs, str):
        raise BadMetadata(f"signature.inputs in {METADATA} is not a text: log the model again with infer_signature")
    return inputs


def served_name(path: str, model: str) -> str | None:
    """Where a file of the artifact is served, relative to the model's own folder; None: outside of it."""
    folder = parent_of(model)
    if not folder:
        return path
    return path[len(folder) + 1 :] if path.startswith(f"{folder}/") else None


def reference_name(path: str) -> str:
    """The reference sample's name in the store."""
    return posixpath.basename(path)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
