"""The classifier in scikit-learn and its conversion to ONNX."""

# scikit-learn ships no types:
# mypy: allow-untyped-calls

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import onnx
import pandas as pd
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from skl2onnx.convert import to_onnx
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from fraud_detection.data import CATEGORICAL, DECIMAL, FEATURES, INTEGER, LABEL, Scores, as_served


@dataclass(frozen=True, kw_only=True)
class Hyperparameters:
    """What is tracked as the run's parameters, by scikit-learn's own names."""

    n_estimators: int = 200
    learning_rate: float = 0.05
    max_depth: int = 4


OPSET = {"": 21, "ai.onnx.ml": 3}
"""The newest operators that the ONNX file may use: pinned, so that a newer skl2onnx does not ask more of a runtime."""


def fit(
    frame: pd.DataFrame, *, seed: int, hyperparameters: Hyperparameters, tell: Callable[[str], None] = lambda _: None
) -> Pipeline:
    """Train on labelled transactions. `tell` is given a line of progress for every quarter of the trees."""
    trees = GradientBoostingClassifier(**asdict(hyperparameters), random_state=seed)
    encode = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), list(CATEGORICAL)),
            # Trees do not care for scale, and an unscaled number is the same number in float32 on both sides.
            ("numbers", "passthrough", [*DECIMAL, *INTEGER]),
        ],
        verbose_feature_names_out=False,
    )
    pipeline = Pipeline([("encode", encode), ("trees", trees)])

    def watch(stage: int, model: GradientBoostingClassifier, _locals: object) -> bool:
        if (stage + 1) % max(1, hyperparameters.n_estimators // 4) == 0:
            tell(f"{stage + 1} of {hyperparameters.n_estimators} trees, training loss {model.train_score_[stage]:.4f}")
        return False

    pipeline.fit(as_served(frame), frame[LABEL], trees__monitor=watch)
    return pipeline


def probabilities(pipeline: Pipeline, frame: pd.DataFrame) -> Scores:
    """Answer the probability of fraud for each row."""
    return np.asarray(pipeline.predict_proba(as_served(frame))[:, 1])


def convert(pipeline: Pipeline) -> onnx.ModelProto:
    """Convert to ONNX: one input of shape [rows, 1] for each column, outputs `label` and `probabilities` as tensors."""
    kinds = (
        dict.fromkeys(DECIMAL, FloatTensorType)
        | dict.fromkeys(INTEGER, Int64TensorType)
        | dict.fromkeys(CATEGORICAL, StringTensorType)
    )
    inputs: list[tuple[str, Any]] = [(name, kinds[name]([None, 1])) for name in FEATURES]
    model: onnx.ModelProto = to_onnx(
        pipeline,
        initial_types=inputs,
        target_opset=OPSET,
        options={id(pipeline): {"zipmap": False}},
    )
    # skl2onnx keeps these in a set, whose order changes from process to process: equal trees would get unequal digests.
    model.opset_import.sort(key=lambda opset: str(opset.domain))
    return model
