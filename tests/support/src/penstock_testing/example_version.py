"""The folder of a version of the fraud detection example, as the model store would describe it; without a registry."""

from pathlib import Path

import numpy as np
import onnxruntime

from fraud_detection.data import CATEGORICAL, DECIMAL, FEATURES, labelled, onnx_inputs
from fraud_detection.pipeline import Hyperparameters, convert, fit
from penstock_contracts.features import FeatureLookup
from penstock_contracts.inference import InferRequest, InferResponse, RequestInput, ResponseOutput
from penstock_contracts.model_card import Column
from penstock_testing.model_folder import card_of

_TYPES = {"FP32": "double", "INT64": "long", "BYTES": "string"}
_KINDS = {name: "FP32" if name in DECIMAL else "BYTES" if name in CATEGORICAL else "INT64" for name in FEATURES}


def write_example_version(folder: Path, lookup: FeatureLookup, *, trees: int = 200) -> Path:
    """Train on drawn rows, and say what is looked up; answers the folder."""
    folder.mkdir()
    drawn = labelled(4000, seed=1)
    model = convert(fit(drawn, seed=1, hyperparameters=Hyperparameters(n_estimators=trees)))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "features.json").write_text(lookup.model_dump_json(exclude_none=True))
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    feeds = onnx_inputs(drawn.head(1))
    inputs = tuple(
        RequestInput(name=name, shape=(1, 1), datatype=_KINDS[name], data=feeds[name].ravel().tolist())
        for name in FEATURES
    )
    label, probabilities = map(np.asarray, session.run(["label", "probabilities"], feeds))
    outputs = (
        ResponseOutput(name="label", shape=(1,), datatype="INT64", data=label.tolist()),
        ResponseOutput(name="probabilities", shape=(1, 2), datatype="FP32", data=probabilities.ravel().tolist()),
    )
    card = card_of(
        folder,
        request=InferRequest(inputs=inputs),
        response=InferResponse(model_name="m", outputs=outputs),
        columns=[Column(name=name, type=_TYPES[_KINDS[name]]) for name in FEATURES],
        features=lookup,
        paths=("model.onnx", "features.json"),
    )
    (folder / "card.json").write_text(card.model_dump_json())
    return folder
