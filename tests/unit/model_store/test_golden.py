import numpy as np
import pytest

from penstock_contracts.model_card import Fill, TensorSpec
from penstock_model_store.errors import GoldenNotFinite, GoldenTooLarge, NondeterministicOutput
from penstock_model_store.golden import MAX_ELEMENTS, MOST_GUESSED, Shape, check_answers, guesses, stride_of

INPUTS = (
    TensorSpec(name="numbers", datatype="FP32", shape=(-1, 4)),
    TensorSpec(name="counts", datatype="INT64", shape=(-1,)),
    TensorSpec(name="flag", datatype="BOOL", shape=()),
    TensorSpec(name="text", datatype="BYTES", shape=(-1, 2)),
)


SHAPES: dict[str, Shape] = {"numbers": ("", 4), "counts": ("n",), "flag": (), "text": ("", 2)}


def test_guesses_begin_with_one_row_and_are_always_the_same() -> None:
    first, again = next(guesses(INPUTS, SHAPES)), next(guesses(INPUTS, SHAPES))

    assert first == again
    feeds = first.feeds()
    assert [array.shape for array in feeds.values()] == [(1, 4), (1,), (), (1, 2)]
    assert [array.ravel().tolist() for array in feeds.values()] == [[0.25, 0.5, 0.75, 0.25], [1], [True], ["a", "ab"]]


def test_every_shape_is_tried_with_every_fill() -> None:
    fills = [guess.fill for guess in guesses(INPUTS, SHAPES)]

    assert fills[:4] == list(Fill)
    assert len(fills) % len(Fill) == 0


def test_open_dimensions_are_tried_in_several_sizes_and_those_of_one_name_in_the_same() -> None:
    """A recurrent net over sound: windows of some length, and a state whose rows are those of the window."""
    inputs = (
        TensorSpec(name="input", datatype="FP32", shape=(-1, -1)),
        TensorSpec(name="state", datatype="FP32", shape=(2, -1, 8)),
    )
    tried = {
        tuple(spec.shape for spec in guess.specs) for guess in guesses(inputs, {"input": ("", ""), "state": (2, "", 8)})
    }

    assert {((1, 512), (2, 1, 8)), ((1, 512), (2, 512, 8)), ((16, 16), (2, 16, 8))} <= tried
    named = guesses(inputs, {"input": ("rows", "samples"), "state": (2, "rows", 8)})
    assert all(guess.specs[0].shape[0] == guess.specs[1].shape[1] for guess in named)


def test_a_graph_that_no_client_could_ask_is_refused() -> None:
    large = TensorSpec(name="x", datatype="FP32", shape=(1, MOST_GUESSED + 1))

    with pytest.raises(GoldenTooLarge, match=str(MOST_GUESSED + 1)):
        next(guesses((large,), {"x": (1, MOST_GUESSED + 1)}))


@pytest.mark.parametrize(("size", "stride"), [(0, 1), (MAX_ELEMENTS, 1), (MAX_ELEMENTS + 1, 3), (705_600, 37)])
def test_of_a_large_answer_so_much_is_kept_as_a_card_may_hold(size: int, stride: int) -> None:
    answer = {"y": np.zeros(size)}

    assert stride_of(answer) == stride
    assert len(answer["y"][::stride]) <= MAX_ELEMENTS


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
