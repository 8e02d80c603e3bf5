from dataclasses import replace

import pytest

from penstock_cli.comparison import ComparedRevision, differences, find_revision, revision_names
from penstock_cli.errors import CliError
from penstock_cli.rollout_view import RolloutReading
from penstock_contracts.api.status import ModelDeploymentStatus, Previous, Revision, Stable
from penstock_contracts.base import evolve
from penstock_contracts.inference import InferRequest, InferResponse
from penstock_contracts.model_card import Golden, GoldenSource, ModelCard, ModelFile, TensorSpec


@pytest.fixture
def status(reading: RolloutReading) -> ModelDeploymentStatus:
    return reading.resource.status


@pytest.fixture
def baking(status: ModelDeploymentStatus) -> ModelDeploymentStatus:
    """The same, after the promotion of the version on trial: `previous` has the number of the attempt that bakes."""
    assert status.stable
    assert status.candidate
    stable = Stable(**identity(status.candidate), since="2026-03-02T09:50:00Z")
    previous = Previous(
        **identity(status.stable),
        stable_since=status.stable.since,
        attempt=12,
        started_at=status.candidate.started_at,
        baking_since=stable.since,
    )
    return evolve(status, stable=stable, previous=previous, candidate=None)


def identity(revision: Revision) -> dict[str, str]:
    return {"revision": revision.revision, "version": revision.version, "digest": revision.digest}


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
    status: ModelDeploymentStatus, wanted: str, version: str, attempt: int
) -> None:
    found = find_revision(status, wanted)
    assert (found.version, found.attempt) == (version, attempt)


def test_who_names_none_is_told_which_there_are(status: ModelDeploymentStatus) -> None:
    assert revision_names(status) == ["stable", "candidate", "11", "10"]
    with pytest.raises(CliError, match="known are stable, candidate, 11, 10"):
        find_revision(status, "9")
    with pytest.raises(CliError, match="no previous version now"):
        find_revision(status, "previous")


def test_in_the_bake_the_gates_of_stable_are_those_that_go_on(baking: ModelDeploymentStatus) -> None:
    found = find_revision(baking, "stable")
    assert (found.attempt, [gate.verdict for gate in found.gates]) == (12, ["inconclusive"])


def test_the_attempt_that_bakes_is_stable_and_not_the_version_that_it_replaced(baking: ModelDeploymentStatus) -> None:
    found = find_revision(baking, "12")
    assert (found.title, found.version, found.attempt) == ("stable", "8", 12)
    replaced = find_revision(baking, "previous")
    assert (replaced.version, replaced.attempt) == ("7", 11)


def test_equal_parts_are_one_line_each(status: ModelDeploymentStatus) -> None:
    same = replace(find_revision(status, "10"), pod_spec={"containers": []}, card=card(2))
    assert list(differences(same, same)) == [
        "attempt: the same",
        "gates: the same",
        "pod template: the same",
        "model: the same",
    ]


def test_templates_and_models_differ_line_by_line(status: ModelDeploymentStatus) -> None:
    sides = [
        replace(
            find_revision(status, wanted), pod_spec={"containers": [{"image": f"penstock:{wanted}"}]}, card=card(width)
        )
        for wanted, width in (("10", 2), ("11", 3))
    ]
    told = list(differences(*sides))
    assert "  --- attempt 10" in told
    assert "  -- image: penstock:10" in told
    assert "  +- image: penstock:11" in told
    assert "  -input x: FP32 [?, 2]" in told
    assert "  +input x: FP32 [?, 3]" in told
    assert not [each for each in told if "output y" in each and each.startswith(("  -", "  +"))]


def test_what_could_not_be_read_is_said_and_not_compared(status: ModelDeploymentStatus) -> None:
    left: ComparedRevision = replace(find_revision(status, "10"), no_pod_spec="gone", no_card="no right")
    right = replace(find_revision(status, "11"), pod_spec={}, card=card(2))
    told = list(differences(left, right))
    assert told[told.index("pod template: not compared") + 1] == "  attempt 10: gone"
    assert told[told.index("model: not compared") + 1] == "  attempt 10: no right"
