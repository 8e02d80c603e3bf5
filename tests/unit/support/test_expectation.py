import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from penstock_testing.expectation import AmbiguousVersionsError, Expectation, Question
from penstock_testing.faulty_models import hanging

QUESTION = Question.infer("/infer", {"x": np.array([[1, 2]], dtype=np.float32)})
ANSWERS: dict[str, list[dict[str, Any]]] = {
    "v1": [{"label": np.array([0]), "score": np.array([[0.25, 0.75]], dtype=np.float32)}],
    "v2": [{"label": np.array([0]), "score": np.array([[0.26, 0.74]], dtype=np.float32)}],
}
EXPECTATION = Expectation([QUESTION], ANSWERS)


def infer_answer(label: object, score: list[object]) -> str:
    outputs = [{"name": "label", "data": [label]}, {"name": "score", "data": score}]
    return json.dumps({"model_name": "anything", "outputs": outputs})


@pytest.mark.parametrize(
    ("label", "score", "version"),
    [
        (0, [0.25, 0.75], "v1"),
        (0, [0.26, 0.74], "v2"),
        (0, [0.2500001, 0.7500001], "v1"),  # what summing in another order changes
        (0, [0.2501, 0.7501], None),
        (1, [0.25, 0.75], None),  # the labels must be equal, not near
        (0, [0.25], None),
        (0, [0.25, "0.75x"], None),
        (0, [0.25, None], None),
    ],
)
def test_an_infer_answer_is_of_the_version_that_computes_it(label: int, score: list[object], version: str) -> None:
    assert EXPECTATION.attribute(0, infer_answer(label, score)) == version


def test_a_plain_predict_answer_is_read_row_by_row() -> None:
    answers: dict[str, list[dict[str, Any]]] = {
        "v1": [{"label": np.array(["ok", "fraud"]), "score": np.array([[0.9, 0.1], [0.2, 0.8]])}],
    }
    rows = [
        {"prediction": "ok", "probability": [0.9, 0.1]},
        {"prediction": "fraud", "probability": [0.2, 0.8]},
    ]
    expectation = Expectation([QUESTION], answers)
    assert expectation.attribute(0, json.dumps({"predictions": rows})) == "v1"
    assert expectation.attribute(0, json.dumps({"predictions": rows[::-1]})) is None


@pytest.mark.parametrize(
    "body",
    ["", "not JSON", "[]", "null", "{}", '{"outputs": 3}', '{"predictions": []}', '{"outputs": [{"name": "label"}]}'],
)
def test_what_is_no_answer_at_all_is_no_versions(body: str) -> None:
    assert EXPECTATION.attribute(0, body) is None


def test_missing_and_additional_outputs_are_wrong() -> None:
    whole = json.loads(infer_answer(0, [0.25, 0.75]))
    missing = {"outputs": whole["outputs"][:1]}
    additional = {"outputs": [*whole["outputs"], {"name": "more", "data": [1]}]}
    assert EXPECTATION.attribute(0, json.dumps(missing)) is None
    assert EXPECTATION.attribute(0, json.dumps(additional)) is None


def test_versions_closer_than_the_margin_are_refused() -> None:
    near: dict[str, list[dict[str, Any]]] = {
        "v1": [{"y": np.array([1.0])}],
        "v2": [{"y": np.array([1.00005])}],
    }
    with pytest.raises(AmbiguousVersionsError, match="versions v1 and v2 answer request 0 alike"):
        Expectation([QUESTION], near)


def test_an_answer_of_two_versions_is_attributed_to_both_where_that_is_allowed() -> None:
    same: dict[str, list[dict[str, Any]]] = {
        "v1": [{"y": np.array([1.0])}, {"y": np.array([2.0])}],
        "v2": [{"y": np.array([1.0])}, {"y": np.array([3.0])}],
    }
    expectation = Expectation([QUESTION, QUESTION], same, alike=True)
    body = json.dumps({"outputs": [{"name": "y", "data": [1.0]}]})
    assert expectation.attribute(0, body) == "v1 or v2"
    assert expectation.attribute(1, body) is None


def test_a_version_that_came_during_the_run_is_learned(tmp_path: Path) -> None:
    hanging(5.0, share=0.5)(tmp_path)
    question = Question.infer("/infer", {"x": np.array([[0.75, 0]], dtype=np.float32)})
    expectation = Expectation([question], {"v1": [{"y": np.array([1.0, 1.0])}]})
    body = json.dumps({"outputs": [{"name": "y", "data": [6.5, 5.0]}]})
    assert expectation.attribute(0, body) is None
    expectation.learn("v2", tmp_path / "model.onnx")
    assert expectation.attribute(0, body) == "v2"


def test_what_a_version_does_not_answer_is_not_its_answer() -> None:
    same: dict[str, list[Any]] = {"stable": [{"y": np.array([1.0])}], "faulty": [None]}
    expectation = Expectation([QUESTION], same)
    body = json.dumps({"outputs": [{"name": "y", "data": [1.0]}]})
    assert expectation.attribute(0, body) == "stable"
    assert Expectation([QUESTION], {"faulty": [None]}).attribute(0, body) is None


def test_a_plain_predict_answer_is_told_beside_a_version_that_does_not_answer() -> None:
    answers: dict[str, list[Any]] = {
        "stable": [{"label": np.array([0]), "score": np.array([[0.9, 0.1]])}],
        "faulty": [None],
    }
    body = json.dumps({"predictions": [{"prediction": 0, "probability": [0.9, 0.1]}]})
    assert Expectation([QUESTION], answers).attribute(0, body) == "stable"


def test_a_version_is_not_asked_what_it_hangs_on(tmp_path: Path) -> None:
    hanging(5.0, share=0.5)(tmp_path)
    questions = [Question.infer("/infer", {"x": np.array([[first, 0]], dtype=np.float32)}) for first in (0.25, 0.75)]
    models = {"hanging": tmp_path / "model.onnx"}
    expectation = Expectation.of_models(questions, models, silent={"hanging": [0]})
    body = json.dumps({"outputs": [{"name": "y", "data": [6.5, 5.0]}]})
    assert [expectation.attribute(number, body) for number in (0, 1)] == [None, "hanging"]


def test_a_silent_version_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"silent names versions that have no model: \['9'\]"):
        Expectation.of_models([QUESTION], {}, silent={"9": [0]})


def test_nothing_to_attribute_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one request and one version"):
        Expectation([], {})


@pytest.mark.parametrize(
    ("array", "datatype", "data"),
    [
        (np.array([1], dtype=np.int64), "INT64", [1]),
        (np.array([1], dtype=np.uint8), "UINT8", [1]),
        (np.array([True]), "BOOL", [True]),
        (np.array([0.5], dtype=np.float64), "FP64", [0.5]),
        (np.array([["a"], ["b"]], dtype=object), "BYTES", ["a", "b"]),
    ],
)
def test_tensors_are_written_in_the_protocols_own_types(array: Any, datatype: str, data: list[object]) -> None:
    tensor = json.loads(Question.infer("/infer", {"x": array}).request.body)["inputs"][0]
    assert tensor == {"name": "x", "shape": list(array.shape), "datatype": datatype, "data": data}


def test_a_request_is_rendered_for_the_wire() -> None:
    question = Question.predict("/predict", [{"amount": "1 €"}], {}, headers={"x-canary": "always"})
    head, _, body = question.request.rendered("m.ns").partition(b"\r\n\r\n")
    assert head.decode().split("\r\n") == [
        "POST /predict HTTP/1.1",
        "Host: m.ns",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "x-canary: always",
    ]
    assert json.loads(body) == {"instances": [{"amount": "1 €"}]}
