"""What the fetching process is asked, and what it answers. Apart from it, so that the store need not import MLflow."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from penstock_model_store.limits import Limits

MODEL_FOLDER = "model"
EXTRA_FOLDER = "extra"
EXAMPLE_NAME = "example.json"
CANONICAL_EXAMPLE = "canonical_example.json"
"""What the opening process makes of the example, in the job's folder."""


@dataclass(frozen=True, kw_only=True)
class PullJob:
    """One fetch."""

    registry_uri: str
    model: str
    version: str
    created_at_ms: int
    folder: Path
    """Where to: `model/` gets what runs, `extra/` the example, the reference sample and the feature look-up."""
    data_files: tuple[str, ...] = ()
    """External data of the model, relative to its folder: known only once the model was read."""
    limits: Limits
    schemes: tuple[str, ...]
    local_roots: tuple[str, ...]


class Pulled(BaseModel):
    """What a fetch brought. Paths are relative to the job's folder."""

    model_config = ConfigDict(frozen=True)

    model: str
    """Name of the `.onnx` file in `model/`."""
    example: str | None
    reference: str | None
    features: str | None = None
    signature_inputs: str | None


class PullOutcome(BaseModel):
    """The answer of the fetching process: exactly one of the two."""

    model_config = ConfigDict(frozen=True)

    pulled: Pulled | None = None
    reason: str = ""
    message: str = ""
