"""Who refused a version: with another onnxruntime, other limits or newer code it may be taken."""

import hashlib
from dataclasses import astuple
from importlib.metadata import version
from pathlib import Path

from penstock_model_store.limits import Limits


def judge_of(limits: Limits, folder: Path = Path(__file__).parent) -> str:
    """Name it by all that a refusal depends on beside the artifact; `folder` has the code."""
    content = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content.update(path.read_bytes())
    return f"onnxruntime {version('onnxruntime')}, limits {astuple(limits)}, code {content.hexdigest()[:12]}"
