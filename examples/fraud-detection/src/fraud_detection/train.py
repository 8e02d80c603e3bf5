"""One training: fit, judge, convert, compare, register."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import onnx
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types.schema import ColSpec, DataType, Schema, TensorSpec
from numpy import dtype
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

from fraud_detection.data import CATEGORICAL, DECIMAL, FEATURES, INTEGER, LABEL
from fraud_detection.labelled_table import LabelledTable
from fraud_detection.parity import Parity, measure
from fraud_detection.pipeline import Hyperparameters, convert, fit, probabilities
from fraud_detection.registry import TrackingServer, TrainedModel

REFERENCE_ROWS = 2000
EXAMPLE_ROWS = 3
Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to train on and where to put it."""

    seed: int
    table: LabelledTable
    registered_name: str = "fraud-detector"
    alias: str | None = None
    """Moved to the new version when it is registered."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """Of run and version."""
    files: tuple[Path, ...] = ()
    """What the run is to keep beside the model."""
    features: Path | None = None
    """`features.json` that goes with the version: which columns are looked up in serving."""
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)


@dataclass(frozen=True, kw_only=True)
class TrainingResult:
    """What came of it; the last line of the command, as JSON."""

    model: str
    version: str
    run_id: str
    alias: str | None
    auc_train: float
    auc_test: float
    parity: Parity


def train(order: Order, registry: TrackingServer, tell: Tell) -> TrainingResult:
    """Train one version and register it. Nothing is registered when ONNX and scikit-learn disagree (ParityError)."""
    registry.reach()
    training, test = order.table.training, order.table.judging
    fraud = order.table.rows[LABEL].mean()
    tell(f"{len(training)} rows to train on, {len(test)} to judge by, {fraud:.2%} of them fraud")
    pipeline = fit(training, seed=order.seed, hyperparameters=order.hyperparameters, tell=tell)
    auc = {"auc_train": _auc(pipeline, training), "auc_test": _auc(pipeline, test)}
    tell(f"AUC {auc['auc_train']:.4f} on the training rows, {auc['auc_test']:.4f} on the test rows")
    onnx_model = convert(pipeline)
    parity = measure(pipeline, onnx_model.SerializeToString(), test)
    parity.require()
    tell(f"ONNX agrees with scikit-learn: probabilities differ by at most {parity.max_difference:.2g}")
    sample = training.sample(n=min(REFERENCE_ROWS, len(training)), random_state=order.seed)
    model = replace(
        trained_model(pipeline, onnx_model, training, sample),
        features=order.features.read_text() if order.features else None,
    )
    metrics = auc | {"parity_max_difference": parity.max_difference}
    registered = registry.track(
        order.registered_name, model, _parameters(order), metrics, order.tags, files=order.files
    )
    tell(f"registered {order.registered_name} version {registered.version}")
    if order.alias:
        registry.move_alias(order.registered_name, order.alias, registered.version)
        tell(f"alias {order.alias} names version {registered.version}")
    return TrainingResult(
        model=order.registered_name,
        version=registered.version,
        run_id=registered.run_id,
        alias=order.alias,
        parity=parity,
        **auc,
    )


def trained_model(
    pipeline: Pipeline, onnx_model: onnx.ModelProto, training: pd.DataFrame, sample: pd.DataFrame
) -> TrainedModel:
    """Put together what is registered. `sample`: of the training rows, what live data is to be compared with."""
    return TrainedModel(
        onnx_model=onnx_model,
        signature=SIGNATURE,
        input_example=training[list(FEATURES)].head(EXAMPLE_ROWS),
        reference=sample.assign(prediction=probabilities(pipeline, sample).round(7)),
    )


SIGNATURE = ModelSignature(
    inputs=Schema(
        [
            *(ColSpec(DataType.double, name) for name in DECIMAL),
            *(ColSpec(DataType.long, name) for name in INTEGER),
            *(ColSpec(DataType.string, name) for name in CATEGORICAL),
        ]
    ),
    outputs=Schema(
        [TensorSpec(dtype("int64"), (-1,), "label"), TensorSpec(dtype("float32"), (-1, 2), "probabilities")]
    ),
)
"""Written out: inferred, it would warn of the integers and change with the values that happen to be drawn."""


def _auc(pipeline: Pipeline, frame: pd.DataFrame) -> float:
    return float(roc_auc_score(frame[LABEL], probabilities(pipeline, frame)))


def _parameters(order: Order) -> dict[str, object]:
    return asdict(order.hyperparameters) | {"seed": order.seed} | dict(order.table.origin)
