import json
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from penstock_contracts.model_card import TensorSpec
from penstock_predictor.errors import BadRequest, InferenceFailed
from penstock_predictor.http.predict import Predictions, PredictRows, parse_rows
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.tensors.arrays import Array

IDENTITY = ModelIdentity(name="m", version="7", digest="sha256:" + "0" * 64)
NAMED = {"model_name": "m", "model_version": "7", "digest": IDENTITY.digest}
LABEL = TensorSpec(name="label", datatype="INT64", shape=(-1,))
SCORES = TensorSpec(name="probabilities", datatype="FP32", shape=(-1, 2))
VALUE = TensorSpec(name="variable", datatype="FP32", shape=(-1, 1))
WORD = TensorSpec(name="word", datatype="BYTES", shape=(-1,))


def answered(
    outputs: list[TensorSpec],
    arrays: dict[str, Array],
    *,
    single: bool = False,
    probabilities: frozenset[str] = frozenset({"probabilities"}),
) -> Any:
    rows = len(next(iter(arrays.values())))
    return json.loads(
        Predictions(IDENTITY, outputs, probabilities).encode(PredictRows([[]] * rows, single=single), arrays)
    )


def test_a_classifier_answers_label_and_probabilities() -> None:
    arrays: dict[str, Array] = {
        "label": np.array([0, 1], dtype=np.int64),
        "probabilities": np.array([[0.75, 0.25], [0.5, math.nan]], dtype=np.float32),
    }
    predictions = [{"prediction": 0, "probability": [0.75, 0.25]}, {"prediction": 1, "probability": [0.5, None]}]
    assert answered([LABEL, SCORES], arrays) == {"predictions": predictions} | NAMED


def test_the_order_of_a_classifiers_outputs_does_not_matter() -> None:
    arrays: dict[str, Array] = {"probabilities": np.array([[0.5, 0.5]], np.float32), "word": np.array(["no"], object)}
    assert answered([SCORES, WORD], arrays, single=True) == {"prediction": "no", "probability": [0.5, 0.5]} | NAMED


def test_what_is_no_probability_is_not_called_one() -> None:
    arrays: dict[str, Array] = {"label": np.array([2]), "probabilities": np.array([[7.5, 0.25]], np.float32)}
    answer = answered([LABEL, SCORES], arrays, single=True, probabilities=frozenset())
    assert answer == {"prediction": 2, "scores": [7.5, 0.25]} | NAMED


def test_a_label_described_as_one_is_still_one_a_row() -> None:
    """As onnxmltools describes LightGBM's."""
    label = TensorSpec(name="label", datatype="INT64", shape=(1,))
    arrays: dict[str, Array] = {"label": np.array([1, 0]), "probabilities": np.array([[0, 1], [1, 0]], np.float32)}
    assert [each["prediction"] for each in answered([label, SCORES], arrays)["predictions"]] == [1, 0]


def test_one_row_is_answered_by_itself() -> None:
    arrays: dict[str, Array] = {"variable": np.array([[2.5]], dtype=np.float32)}
    assert answered([VALUE], arrays, single=True) == {"prediction": 2.5} | NAMED


def test_outputs_without_a_label_among_them_go_by_their_names() -> None:
    arrays: dict[str, Array] = {
        "variable": np.array([[2.5]], dtype=np.float32),
        "probabilities": np.array([[0.5, 0.25]], dtype=np.float32),
        "word": np.array(["no"], dtype=object),
    }
    named = {"variable": 2.5, "probabilities": [0.5, 0.25], "word": "no"}
    assert answered([VALUE, SCORES, WORD], arrays, single=True)["prediction"] == named


@pytest.mark.parametrize("array", [np.array(1.0), np.zeros((3, 1))], ids=["scalar", "other rows"])
def test_an_output_without_one_entry_a_row_is_refused(array: npt.NDArray[np.float64]) -> None:
    with pytest.raises(InferenceFailed, match=r"output 'y' of shape .* has not one entry for each of 2 rows"):
        Predictions(IDENTITY, [VALUE], ()).encode(PredictRows([[], []], single=False), {"y": array})


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b'{"features": {"a": 1}}', PredictRows([{"a": 1}], single=True)),
        (b'{"features": [1, 2]}', PredictRows([[1, 2]], single=True)),
        (b'{"a": 1, "instances": 2}', PredictRows([{"a": 1, "instances": 2}], single=True)),
        (b'{"inputs": "a word", "features": 3}', PredictRows([{"inputs": "a word", "features": 3}], single=True)),
        (b"[1, 2]", PredictRows([[1, 2]], single=True)),
        (b'{"instances": [{"a": 1}, [1]]}', PredictRows([{"a": 1}, [1]], single=False)),
    ],
    ids=["named features", "a list", "a bare row", "features of such names", "a bare list", "several rows"],
)
def test_forms_of_a_request(body: bytes, rows: PredictRows) -> None:
    assert parse_rows(body) == rows


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"3", 'expected {"features": row}'),
        (b'{"features": 1}', 'expected {"features": row}'),
        (b'{"instances": []}', "instances: expected a list of at least one row"),
        (b'{"instances": {"a": 1}}', "instances: expected a list of at least one row"),
        (b'{"instances": [[1], 2]}', "instances: row 1 is neither an object of features nor a list of values"),
        (b'{"instances": [{"a": 1}', "the body is not valid JSON"),
        (b'{"a": NaN}', "the body is not valid JSON"),
        (b"[" * 1_000_000, "the body is not valid JSON: it is nested too deeply"),
        (b"\xff", "the body is not valid JSON"),
        (b'{"instances": [[1]], "parameters": {}}', "got 'instances' beside ['parameters']: another server's form"),
        (b'{"dataframe_split": {"columns": ["a"], "data": [[1]]}}', 'expected {"features": row}, {"instances": [row,'),
        (b'{"inputs": [[1, 2]]}', "got 'inputs': another server's form"),
        (b'{"inputs": {"a": [1]}, "signature_name": "s"}', "got 'inputs' beside ['signature_name']"),
        (b'{"features": [1], "id": "7"}', "got 'features' beside ['id']"),
    ],
)
def test_a_body_that_cannot_be_read_says_what_was_expected(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        parse_rows(body)
    assert message in str(refusal.value)
