import numpy as np
import pytest

from penstock_contracts.model_card import TensorSpec
from penstock_model_store.errors import GoldenNotFinite, GoldenTooLarge, NondeterministicOutput
from penstock_model_store.golden import MAX_ELEMENTS, check_answers, generated_requests

INPUTS = (
    TensorSpec(name="numbers", datatype="FP32", shape=(-1, 4)),
    TensorSpec(name="counts", datatype="INT64", shape=(-1,)),
    TensorSpec(name="flag", datatype="BOOL", shape=()),
    TensorSpec(name="text", datatype="BYTES", shape=(-1, 2)),
)


def test_requests_are_made_of_one_row_and_are_always_the_same() -> None:
    first = list(generated_requests(INPUTS))

    assert first == list(generated_requests(INPUTS))
    assert [tensor.shape for tensor in first[0].inputs] == [(1, 4), (1,), (), (1, 2)]
    assert [tensor.data for tensor in first[0].inputs] == [[0.25, 0.5, 0.75, 0.25], [1], [True], ["a", "ab"]]


def test_the_last_request_is_all_zeros() -> None:
    *_, last = generated_requests(INPUTS)

    assert [tensor.data for tensor in last.inputs] == [[0.0] * 4, [0], [False], ["", ""]]


def test_inputs_too_large_to_keep_are_refused() -> None:
    large = TensorSpec(name="x", datatype="FP32", shape=(1, MAX_ELEMENTS + 1))

    with pytest.raises(GoldenTooLarge, match=str(MAX_ELEMENTS + 1)):
        next(generated_requests((large,)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_without_a_json_form_is_refused(value: float) -> None:
    answer = {"y": np.array([1.0, value])}

    with pytest.raises(GoldenNotFinite, match="output y"):
        check_answers(answer, answer)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.array([1.0]), np.array([1.01])),
        (np.array([1]), np.array([2])),
        (np.array([1.0]), np.array([1.0, 1.0])),
        (np.array(["a"], dtype=object), np.array(["b"], dtype=object)),
    ],
    ids=["floats", "integers", "shape", "strings"],
)
def test_two_answers_that_differ_are_refused(first: np.ndarray, second: np.ndarray) -> None:
    with pytest.raises(NondeterministicOutput, match="output y"):
        check_answers({"y": first}, {"y": second})


def test_rounding_is_no_difference() -> None:
    check_answers({"y": np.array([1.0, 1e-7])}, {"y": np.array([1.000001, 0.0])})
