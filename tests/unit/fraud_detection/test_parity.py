import numpy as np
import pytest

from fraud_detection.parity import BOUND, Parity, ParityError, compare


def test_equal_answers_agree() -> None:
    scores = np.array([0.1, 0.9])
    parity = compare(scores, scores, np.array([0, 1]))
    assert parity == Parity(rows=2, max_difference=0.0, labels_that_differ=0)
    parity.require()


def test_a_label_may_differ_only_where_rounding_decides_it() -> None:
    at_the_threshold = np.array([0.5 + BOUND / 2])
    assert compare(at_the_threshold, at_the_threshold, np.array([0])).labels_that_differ == 0
    beyond = np.array([0.5 + 2 * BOUND])
    assert compare(beyond, beyond, np.array([0])).labels_that_differ == 1


def test_a_row_in_another_leaf_fails_with_its_numbers() -> None:
    parity = compare(np.array([0.10, 0.2]), np.array([0.13, 0.2]), np.array([0, 0]))
    with pytest.raises(
        ParityError, match=r"on 2 test rows: probabilities differ by up to 0\.03 .*Nothing was registered"
    ):
        parity.require()


def test_labels_that_differ_fail_even_where_the_probabilities_agree() -> None:
    with pytest.raises(ParityError, match="1 labels differ"):
        compare(np.array([0.9]), np.array([0.9]), np.array([0])).require()


def test_an_answer_that_is_not_a_number_fails() -> None:
    with pytest.raises(ParityError, match="nan"):
        compare(np.array([0.9]), np.array([np.nan]), np.array([1])).require()
