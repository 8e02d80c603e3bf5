"""What the process that opens a model is asked, and what it answers."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from penstock_contracts.model_card import Column, Golden, ModelCost, TensorSpec


class InspectionJob(BaseModel):
    """One opening."""

    model_config = ConfigDict(frozen=True)

    model: Path
    """The `.onnx` file, in a folder with its data files."""
    example: Path | None
    canonical_example: Path
    """Where to write the example in its canonical form, when there is one that the model answers."""
    signature_inputs: str | None
    memory_bytes: int
    cpu_seconds: int


class Inspection(BaseModel):
    """What opening a model showed."""

    model_config = ConfigDict(frozen=True)

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    columns: tuple[Column, ...] | None
    opsets: dict[str, int]
    golden: Golden
    cost: ModelCost


class InspectionOutcome(BaseModel):
    """The answer of the opening process: one of the three."""

    model_config = ConfigDict(frozen=True)

    inspection: Inspection | None = None
    missing: tuple[str, ...] = ()
    """Data files that must be fetched before the model can be opened."""
    reason: str = ""
    message: str = ""
