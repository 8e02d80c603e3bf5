"""Step 4 of the pipeline: how the version behaves, whatever its AUC.

What is tried is the ONNX file in the registry: what Penstock will run.
"""

import time
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from fraud_detection import pipeline_state
from fraud_detection.champion import scores_of
from fraud_detection.data import CATEGORICAL, onnx_inputs, transactions
from fraud_detection.registry import TrackingServer
from fraud_detection.registry_address import tracking_uri

HERE = Path(__file__).parent
ROWS = 1000
FALLS = 0.02
"""A score that falls by more than this falls. Trees make small steps, also down."""
MOST_FALLING = 0.03
"""Share of the transactions whose score may be lower for 16 times the amount."""
BUDGET_SECONDS = 0.05
"""For one transaction, half of the time. It takes about 0.0001 s: this finds a model that has grown out of hand."""


@pytest.fixture(scope="session")
def model() -> bytes:
    """Its ONNX file, from the registry."""
    trained = pipeline_state.read_version(pipeline_state.TRAINED, written_by="train.py")
    return TrackingServer(tracking_uri()).served_files(trained.model, trained.version).onnx_model


@pytest.fixture(scope="session")
def sample() -> pd.DataFrame:
    """Transactions that no model was trained on."""
    return transactions(ROWS, seed=20_260_101)


def test_a_higher_amount_is_more_suspicious(model: bytes, sample: pd.DataFrame) -> None:
    ladder = [
        scores_of(model, sample.assign(amount=(sample["amount"] * factor).round(2))) for factor in (1, 2, 4, 8, 16)
    ]
    means = [float(scores.mean()) for scores in ladder]
    assert means == sorted(means), f"the mean score falls while the amount doubles: {means}"
    falling = float((ladder[-1] < ladder[0] - FALLS).mean())
    assert falling <= MOST_FALLING, f"for {falling:.1%} of the transactions 16 times the amount is less suspicious"


def test_the_order_of_the_rows_changes_no_answer(model: bytes, sample: pd.DataFrame) -> None:
    order = np.random.default_rng(1).permutation(len(sample))
    np.testing.assert_allclose(scores_of(model, sample.iloc[order]), scores_of(model, sample)[order], atol=1e-6)


def test_golden_transactions_are_answered_within_their_bounds(model: bytes) -> None:
    golden = pd.read_csv(HERE / "golden_transactions.csv", dtype=dict.fromkeys(CATEGORICAL, "str"))
    scores = scores_of(model, golden)
    outside = ~((scores >= golden["lowest"]) & (scores <= golden["highest"]))
    assert not outside.any(), f"outside of their bounds:\n{golden.assign(score=scores)[outside].T}"


def test_one_transaction_is_answered_within_the_budget(model: bytes, sample: pd.DataFrame) -> None:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    one = onnx_inputs(sample.head(1))
    taken = []
    for _ in range(100):
        began = time.perf_counter()
        session.run(None, one)
        taken.append(time.perf_counter() - began)
    assert median(taken) <= BUDGET_SECONDS, f"half of the answers take longer than {median(taken):.4f} s"
