"""A resource that a newer or another release has written."""

from typing import Any

import pytest

from penstock_cli.errors import UnreadableObject
from penstock_cli.kubernetes_objects import read_object
from penstock_cli.model_deployment import ModelDeploymentView
from penstock_cli.rollout_view import RolloutReading, rollout_view


@pytest.fixture
def resource(on_trial: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = on_trial["resource"]
    return found


def read(resource: dict[str, Any]) -> ModelDeploymentView:
    return read_object(ModelDeploymentView, resource, "read ModelDeployment payments/fraud-detector")


def test_fields_and_gates_of_a_newer_release_are_passed_over(resource: dict[str, Any]) -> None:
    expected = read(resource)
    resource["spec"] |= {"cache": {"size": 3}, "analysis": {"gates": [{"name": "latency-p99", "margin": "20%"}]}}
    resource["spec"]["registry"]["mirror"] = "far away"
    resource["status"]["cache"] = {"hits": 2}
    resource["status"]["candidate"]["cache"] = {"hits": 1}
    resource["status"]["gates"][0]["cache"] = {"hits": 0}
    assert read(resource) == expected


def test_words_of_a_newer_release_stay_what_they_are(resource: dict[str, Any]) -> None:
    resource["status"]["phase"] = "Rehearsing"
    resource["status"]["history"][0]["completion"] = "Rehearsed"
    found = read(resource)
    assert found.phase == "Rehearsing"
    assert found.status.history[0].completion == "Rehearsed"


def test_a_step_of_a_newer_release_is_shown_as_one(resource: dict[str, Any]) -> None:
    resource["spec"]["strategy"]["canary"]["steps"][6] = {"setCache": {"size": 3}}
    steps = rollout_view(RolloutReading(resource=read(resource))).steps
    assert [step.text for step in steps][6:] == ["step of a newer release", "pause until promote"]


def test_what_cannot_be_read_is_named_with_what_to_do(resource: dict[str, Any]) -> None:
    resource["status"]["candidate"]["step"] = "the fifth"
    del resource["spec"]["registry"]
    with pytest.raises(UnreadableObject) as raised:
        read(resource)
    message = str(raised.value)
    assert message.startswith("read ModelDeployment payments/fraud-detector: this plugin cannot read spec.registry (")
    assert "status.candidate.step (" in message
    assert "install the plugin of that release" in message


def test_of_many_fields_that_cannot_be_read_three_are_named(resource: dict[str, Any]) -> None:
    resource["status"]["gates"] = [{}]
    with pytest.raises(UnreadableObject, match=r"status\.gates\.0\.name .* and \d more\. Penstock"):
        read(resource)
