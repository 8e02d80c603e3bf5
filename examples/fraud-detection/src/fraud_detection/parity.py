"""The ONNX model must answer what scikit-learn answered when the model was judged."""

from dataclasses import dataclass

import numpy as np
import onnxruntime
import pandas as pd
from sklearn.pipeline import Pipeline

from fraud_detection.data import Labels, Scores, onnx_inputs
from fraud_detection.pipeline import probabilities

BOUND = 1e-5
"""Largest difference of a probability that is let pass. onnxruntime adds the trees' answers in float32: 200 roundings
of 6e-8 each come nowhere near it, one row in another leaf goes far beyond it."""
THRESHOLD = 0.5
"""Probability from which on scikit-learn answers the label 1."""


class ParityError(Exception):
    """The converted model answers otherwise than the trained one; it must not be registered."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far ONNX and scikit-learn lie apart on the same rows."""

    rows: int
    max_difference: float
    """Largest absolute difference of a probability."""
    labels_that_differ: int
    """Rows with another label, those within BOUND of the threshold left out: rounding may decide them either way."""

    def require(self) -> None:
        """Raise ParityError with the numbers unless the two agree."""
        # Written so that NaN fails too.
        if not self.max_difference <= BOUND or self.labels_that_differ:
            msg = (
                f"ONNX and scikit-learn disagree on {self.rows} test rows: probabilities differ by up to "
                f"{self.max_difference:.3g} (bound {BOUND:g}), {self.labels_that_differ} labels differ. Nothing was "
                "registered; look at the conversion in pipeline.py and at the version of skl2onnx."
            )
            raise ParityError(msg)


def measure(pipeline: Pipeline, onnx_model: bytes, frame: pd.DataFrame) -> Parity:
    """Run both models on the same rows."""
    session = onnxruntime.InferenceSession(onnx_model, providers=["CPUExecutionProvider"])
    labels, scores = session.run(["label", "probabilities"], onnx_inputs(frame))
    return compare(probabilities(pipeline, frame), np.asarray(scores)[:, 1], np.asarray(labels))


def compare(expected: Scores, scores: Scores, labels: Labels) -> Parity:
    """Compare scikit-learn's probabilities with ONNX's probabilities and labels."""
    undecided = np.abs(expected - THRESHOLD) <= BOUND
    differ = (labels != (expected >= THRESHOLD)) & ~undecided
    return Parity(
        rows=len(expected),
        max_difference=float(np.abs(scores - expected).max()),
        labels_that_differ=int(differ.sum()),
    )
