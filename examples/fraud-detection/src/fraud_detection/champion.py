"""The version that serves: its answers, and the sample that it was trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd

from fraud_detection.data import CATEGORICAL, FEATURES, LABEL, Scores, onnx_inputs


class ChampionError(Exception):
    """The version cannot be compared with; the message says which, why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Champion:
    """A registered version, as its artifact says."""

    version: str
    onnx_model: bytes
    sample: pd.DataFrame
    """Rows that it was trained on: columns FEATURES and LABEL."""

    def answers(self, frame: pd.DataFrame) -> Scores:
        """Answer the probability of fraud for each row. Raises ChampionError."""
        try:
            return scores_of(self.onnx_model, frame)
        except Exception as error:  # onnxruntime has no base for what it raises
            raise ChampionError(
                f"version {self.version} cannot answer these transactions: {error}. Is it a version of this model?"
            ) from error


def scores_of(onnx_model: bytes, frame: pd.DataFrame) -> Scores:
    """Answer what an ONNX model takes for the probability of fraud, row by row."""
    session = onnxruntime.InferenceSession(onnx_model, providers=["CPUExecutionProvider"])
    (scores,) = session.run(["probabilities"], onnx_inputs(frame))
    return np.asarray(scores, dtype=np.float64)[:, 1]


def read_champion(version: str, folder: Path, reference: str) -> Champion:
    """Read an artifact that was fetched to a folder. Raises ChampionError."""
    model, sample = folder / "model.onnx", folder / "extra_files" / reference
    for file in (model, sample):
        if not file.is_file():
            raise ChampionError(
                f"version {version} has no {file.relative_to(folder)}: only what `train` or `retrain` registered "
                "can be retrained"
            )
    try:
        rows = pd.read_csv(sample, dtype=dict.fromkeys(CATEGORICAL, str), keep_default_na=False)[[*FEATURES, LABEL]]
    except (ValueError, KeyError) as error:
        raise ChampionError(f"the sample {sample.name} of version {version} cannot be read: {error}") from error
    return Champion(version=version, onnx_model=model.read_bytes(), sample=rows)
