import numpy as np

from penstock.parity import compared

TOLERANCE = 1e-5


def test_probabilities_within_the_tolerance_are_alike() -> None:
    parity = compared(
        {"label": np.array([0, 1]), "probabilities": np.array([[0.7, 0.3], [0.2, 0.8]])},
        {"label": np.array([0, 1]), "probabilities": np.array([[0.7, 0.3], [0.200009, 0.799991]])},
        TOLERANCE,
    )
    assert parity.differing == 0
    assert 8e-6 < parity.max_difference < 1e-5


def test_the_worst_row_is_named_with_both_answers() -> None:
    parity = compared(
        {"probabilities": np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])},
        {"probabilities": np.array([[0.7, 0.3], [0.9, 0.1], [0.4, 0.6]])},
        TOLERANCE,
    )
    assert (parity.rows, parity.differing, parity.worst_row) == (3, 2, 1)
    assert (parity.expected, parity.got) == ("[0.2, 0.8]", "[0.9, 0.1]")


def test_a_label_may_differ_where_rounding_decides_between_two_classes() -> None:
    answers = {"label": np.array([1]), "probabilities": np.array([[0.5, 0.5]])}
    assert compared(answers, {**answers, "label": np.array([0])}, TOLERANCE).differing == 0
    sure = {"label": np.array([1]), "probabilities": np.array([[0.4, 0.6]])}
    assert compared(sure, {**sure, "label": np.array([0])}, TOLERANCE).differing == 1


def test_labels_are_equal_by_value_whatever_their_type() -> None:
    for own, other in ((np.array([True, False]), np.array([1, 0])), (np.array([0.0, 1.0]), np.array([0, 1]))):
        assert compared({"label": own}, {"label": other}, TOLERANCE).differing == 0
    texts = np.array(["no", "yes"], dtype=object)
    assert compared({"label": texts}, {"label": np.array(["no", "yes"])}, TOLERANCE).differing == 0


def test_other_numbers_may_differ_by_their_size_or_their_columns_spread() -> None:
    prices = np.array([300_000.0, 200_000.0, 0.0])
    assert compared({"prediction": prices}, {"prediction": prices + 1.0}, TOLERANCE).differing == 0
    tiny = np.array([1e-6, 3e-6])
    assert compared({"prediction": tiny}, {"prediction": tiny + 1e-8}, TOLERANCE).differing == 2


def test_missing_on_both_sides_is_alike_and_on_one_side_never() -> None:
    own = {"prediction": np.array([np.nan, 1.0])}
    assert compared(own, {"prediction": np.array([np.nan, 1.0])}, TOLERANCE).differing == 0
    assert compared(own, {"prediction": np.array([0.0, 1.0])}, TOLERANCE).differing == 1


def test_answers_of_another_shape_differ_in_every_row() -> None:
    parity = compared({"prediction": np.zeros((3, 2))}, {"prediction": np.zeros((3, 1))}, TOLERANCE)
    assert parity.differing == 3
    assert parity.max_difference == np.inf
