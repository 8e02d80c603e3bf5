import json
import math

import numpy as np
import numpy.typing as npt
import pytest

from penstock_predictor.datatypes import Array
from penstock_predictor.errors import BadRequest, InferenceFailed
from penstock_predictor.identity import ModelIdentity
from penstock_predictor.predictions import encode_predictions, parse_instances

IDENTITY = ModelIdentity(name="m", version="7", digest="sha256:" + "0" * 64)


def two_rows() -> dict[str, Array]:
    return {
        "label": np.array([0, 1], dtype=np.int64),
        "probabilities": np.array([[0.75, 0.25], [0.5, math.nan]], dtype=np.float32),
        "word": np.array(["no", "yes"], dtype=object),
    }


def test_one_object_a_row() -> None:
    answer = json.loads(encode_predictions(IDENTITY, 2, two_rows()))
    assert answer == {
        "predictions": [
            {"label": 0, "probabilities": [0.75, 0.25], "word": "no"},
            {"label": 1, "probabilities": [0.5, None], "word": "yes"},
        ],
        "model_name": "m",
        "model_version": "7",
        "digest": IDENTITY.digest,
    }


@pytest.mark.parametrize("array", [np.array(1.0), np.zeros((3, 1))], ids=["scalar", "other rows"])
def test_an_output_without_one_entry_a_row_is_refused(array: npt.NDArray[np.float64]) -> None:
    with pytest.raises(InferenceFailed, match=r"output 'y' of shape .* has not one entry for each of 2 rows"):
        encode_predictions(IDENTITY, 2, {"y": array})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{}", "instances: Field required"),
        (b'{"instances": []}', "instances: List should have at least 1 item"),
        (b'{"instances": {"a": 1}}', "instances: Input should be a valid array"),
        (b'{"instances": [[1, 2]]}', "instances.0: Input should be an object"),
        (b'{"instances": [{"a": 1}', "the body is not a valid request: Invalid JSON"),
    ],
)
def test_a_body_that_cannot_be_read_names_the_field(body: bytes, message: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        parse_instances(body)
    assert message in str(refusal.value)
