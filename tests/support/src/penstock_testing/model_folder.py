"""A model's folder as the model store would describe it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from penstock_contracts.digest import digest_of
from penstock_contracts.features import FeatureLookup
from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import Column, Golden, GoldenSource, ModelCard, ModelFile


def listed(folder: Path, path: str) -> ModelFile:
    """A file's entry in a card."""
    content = (folder / path).read_bytes()
    return ModelFile(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def card_of(
    folder: Path,
    *,
    request: InferRequest,
    response: InferResponse,
    columns: Sequence[Column] | None = None,
    features: FeatureLookup | None = None,
    paths: Sequence[str] = ("model.onnx",),
) -> ModelCard:
    """Describe the files that the folder holds now, without inputs and outputs: the predictor reads the graph's."""
    files = tuple(listed(folder, path) for path in sorted(paths))
    return ModelCard(
        digest=digest_of(files),
        files=files,
        model_path="model.onnx",
        inputs=(),
        outputs=(),
        columns=None if columns is None else tuple(columns),
        features=features,
        golden=Golden(source=GoldenSource.INPUT_EXAMPLE, request=request, response=response),
    )
