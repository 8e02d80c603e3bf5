from dataclasses import replace
from typing import Any

import pytest

from penstock_cli.comparison import Side, differences, known, side
from penstock_cli.errors import Trouble
from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import Golden, GoldenSource, ModelCard, ModelFile, TensorSpec


@pytest.fixture
def status(on_trial: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = on_trial["resource"]["status"]
    return found


def card(width: int) -> ModelCard:
    return ModelCard(
        digest="sha256:" + "a" * 64,
        files=(ModelFile(path="model.onnx", size=100 * width, sha256="b" * 64),),
        model_path="model.onnx",
        inputs=(TensorSpec(name="x", datatype="FP32", shape=(-1, width)),),
        outputs=(TensorSpec(name="y", datatype="FP32", shape=(-1, 1)),),
        golden=Golden(
            source=GoldenSource.INPUT_EXAMPLE,
            request=InferRequest(inputs=()),
            response=InferResponse(model_name="m", outputs=()),
        ),
        opsets={"": 17},
    )


@pytest.mark.parametrize(
    ("wanted", "version", "attempt"),
    [("10", "6", 10), ("88e2d7c31f", "6", 10), ("candidate", "8", 12), ("12", "8", 12), ("stable", "7", 11)],
)
def test_a_revision_is_named_by_attempt_hash_or_pointer(
    status: dict[str, Any], wanted: str, version: str, attempt: int
) -> None:
    found = side(status, wanted)
    assert (found.version, found.attempt) == (version, attempt)


def test_who_names_none_is_told_which_there_are(status: dict[str, Any]) -> None:
    assert known(status) == ["stable", "candidate", "11", "10"]
    with pytest.raises(Trouble, match="known are stable, candidate, 11, 10"):
        side(status, "9")
    with pytest.raises(Trouble, match="no previous version now"):
        side(status, "previous")


def test_in_the_bake_the_gates_of_stable_are_those_that_go_on(status: dict[str, Any]) -> None:
    baking = status | {"stable": status["candidate"], "previous": status["stable"] | {"attempt": 12}, "candidate": None}
    found = side(baking, "stable")
    assert (found.attempt, [gate["verdict"] for gate in found.gates]) == (12, ["inconclusive"])


def test_the_attempt_that_bakes_is_stable_and_not_the_version_that_it_replaced(status: dict[str, Any]) -> None:
    """`previous` carries the number of the attempt that replaced it."""
    promoted = {key: status["candidate"][key] for key in ("revision", "version", "digest")}
    baking = status | {"stable": promoted, "previous": status["stable"] | {"attempt": 12}, "candidate": None}
    found = side(baking, "12")
    assert (found.title, found.version, found.attempt) == ("stable", "8", 12)


def test_equal_parts_are_one_line_each(status: dict[str, Any]) -> None:
    same = replace(side(status, "10"), template={"containers": []}, card=card(2))
    assert list(differences(same, same)) == [
        "attempt: the same",
        "gates: the same",
        "pod template: the same",
        "model: the same",
    ]


def test_templates_and_models_differ_line_by_line(status: dict[str, Any]) -> None:
    sides = [
        replace(side(status, wanted), template={"containers": [{"image": f"penstock:{wanted}"}]}, card=card(width))
        for wanted, width in (("10", 2), ("11", 3))
    ]
    told = list(differences(*sides))
    assert "  --- attempt 10" in told
    assert "  -- image: penstock:10" in told
    assert "  +- image: penstock:11" in told
    assert "  -input x: FP32 [?, 2]" in told
    assert "  +input x: FP32 [?, 3]" in told
    assert not [each for each in told if "output y" in each and each.startswith(("  -", "  +"))]


def test_what_could_not_be_read_is_said_and_not_compared(status: dict[str, Any]) -> None:
    left: Side = replace(side(status, "10"), no_template="gone", no_card="no right")
    right = replace(side(status, "11"), template={}, card=card(2))
    told = list(differences(left, right))
    assert told[told.index("pod template: not compared") + 1] == "  attempt 10: gone"
    assert told[told.index("model: not compared") + 1] == "  attempt 10: no right"
