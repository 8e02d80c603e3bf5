"""What one step of the pipeline leaves for the next: small files in one folder."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BUILD = Path("build")
"""Below the folder in which the steps run."""
TRAINED = BUILD / "trained.json"
AWAITED = BUILD / "awaited.json"
DATA_REPORT = BUILD / "data-report.json"
EVALUATION = BUILD / "evaluation.json"


class StepMissingError(Exception):
    """A step has not run yet; the message says which."""


@dataclass(frozen=True, kw_only=True)
class VersionRef:
    """A registered version."""

    model: str
    version: str
    run_id: str = ""
    """The run that made it, where that is known."""


def write(file: Path, value: "DataclassInstance") -> None:
    """Write a dataclass as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(asdict(value), indent=2) + "\n")


def read_version(file: Path, *, written_by: str) -> VersionRef:
    """Read the version that a step has left. Raises StepMissingError."""
    try:
        told = json.loads(file.read_text())
        return VersionRef(model=told["model"], version=told["version"], run_id=told.get("run_id", ""))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StepMissingError(f"{file} names no version ({error}): run {written_by} first") from error
