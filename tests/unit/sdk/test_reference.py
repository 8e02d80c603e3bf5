import numpy as np
import pandas as pd
import pytest

from penstock.errors import RowsRefused
from penstock.reference import check_names, labels_of, prediction_of, reference_sample
from penstock.rows import rows_of

ROWS = rows_of(pd.DataFrame({"amount": [1.0, 2.0, 3.0]}))


def test_the_sample_has_rows_labels_and_predictions_of_the_same_positions() -> None:
    answers = {"prediction": np.array([[10.0], [20.0], [30.0]])}
    sample = reference_sample(ROWS, np.array(["a", "b", "c"]), answers, drawn_from=100)
    assert sorted(zip(sample["amount"], sample["label"], sample["prediction"], strict=True)) == [
        (1.0, "a", 10.0),
        (2.0, "b", 20.0),
        (3.0, "c", 30.0),
    ]


def test_rows_behind_the_random_ones_are_no_part_of_the_sample() -> None:
    sample = reference_sample(ROWS, None, {"prediction": np.array([1.0, 2.0, 3.0])}, drawn_from=2)
    assert sorted(sample["amount"]) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("answers", "prediction"),
    [
        ({"label": np.array([0, 1]), "probabilities": np.array([[0.9, 0.1], [0.3, 0.7]])}, [0.1, 0.7]),
        ({"label": np.array(["a", "c"]), "probabilities": np.array([[0.9, 0.1, 0], [0.3, 0, 0.7]])}, ["a", "c"]),
        ({"prediction": np.array([[1.5], [2.5]])}, [1.5, 2.5]),
        ({"output": np.array([[0.9, 0.1, 0], [0.3, 0, 0.7]])}, [0, 2]),
        ({"label": np.array([1, 0])}, [1, 0]),
    ],
)
def test_the_prediction_is_what_the_drift_monitor_takes_for_it(
    answers: dict[str, np.ndarray], prediction: list[object]
) -> None:
    assert prediction_of(answers).tolist() == prediction


@pytest.mark.parametrize(
    ("labels", "said"),
    [([1, 2], "y has 2 labels, X has 3 rows"), ([[1, 2]] * 3, "several columns"), (7, "y has 1 labels")],
)
def test_labels_that_do_not_fit_are_refused(labels: object, said: str) -> None:
    with pytest.raises(RowsRefused, match=said):
        labels_of(labels, ROWS)


def test_a_feature_named_like_the_truth_is_refused() -> None:
    with pytest.raises(RowsRefused, match=r"column 'label'.*give it as y"):
        check_names(rows_of(pd.DataFrame({"label": [1.0]})))
