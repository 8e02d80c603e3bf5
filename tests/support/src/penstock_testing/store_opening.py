"""A model opened as the model store opens it, in this process and without its limits."""

from pathlib import Path

from penstock_model_store.inspection import InspectionJob, InspectionOutcome
from penstock_model_store.opening import opened_outcome


def opened(model: Path, example: Path | None = None, signature_inputs: str | None = None) -> InspectionOutcome:
    """What the store says of a model file. The canonical form of an example is written beside the model."""
    return opened_outcome(
        InspectionJob(
            model=model,
            example=example,
            canonical_example=model.with_name("input_example.json"),
            signature_inputs=signature_inputs,
            memory_bytes=2**31,
            cpu_seconds=60,
        )
    )
