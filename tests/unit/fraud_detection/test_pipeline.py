import numpy as np
import onnx
import pytest

from fraud_detection.data import DECIMAL, FEATURES, INTEGER, labelled, onnx_inputs, transactions
from fraud_detection.parity import measure
from fraud_detection.pipeline import Hyperparameters, convert, fit

FEW_TREES = Hyperparameters(n_estimators=5)


@pytest.fixture(scope="module")
def converted() -> onnx.ModelProto:
    return convert(fit(labelled(1000, seed=1), seed=1, hyperparameters=FEW_TREES))


def test_the_graph_has_one_named_input_a_column_and_two_tensors_out(converted: onnx.ModelProto) -> None:
    assert tuple(value.name for value in converted.graph.input) == FEATURES
    assert [value.name for value in converted.graph.output] == ["label", "probabilities"]
    assert all(value.type.HasField("tensor_type") for value in converted.graph.output)


def test_equal_data_and_seed_make_equal_bytes(converted: onnx.ModelProto) -> None:
    again = convert(fit(labelled(1000, seed=1), seed=1, hyperparameters=FEW_TREES))
    assert again.SerializeToString() == converted.SerializeToString()


def test_operator_sets_have_one_order_whatever_the_hash_seed_of_the_process(converted: onnx.ModelProto) -> None:
    domains = [opset.domain for opset in converted.opset_import]
    assert domains == sorted(domains)


def test_a_category_never_seen_is_answered_and_alike_on_both_sides() -> None:
    pipeline = fit(labelled(1000, seed=1), seed=1, hyperparameters=FEW_TREES)
    strange = transactions(50, seed=2).assign(merchant_category="lottery", card_country="XX")
    measure(pipeline, convert(pipeline).SerializeToString(), strange).require()


def test_inputs_are_columns_of_the_graphs_types() -> None:
    inputs = onnx_inputs(transactions(4, seed=1))
    assert all(array.shape == (4, 1) for array in inputs.values())
    assert all(inputs[name].dtype == np.float32 for name in DECIMAL)
    assert all(inputs[name].dtype == np.int64 for name in INTEGER)


def test_training_tells_its_progress_in_four_lines() -> None:
    lines: list[str] = []
    fit(labelled(400, seed=1), seed=1, hyperparameters=Hyperparameters(n_estimators=8), tell=lines.append)
    assert [line.split(" trees")[0] for line in lines] == ["2 of 8", "4 of 8", "6 of 8", "8 of 8"]
