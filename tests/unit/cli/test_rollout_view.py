from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from penstock_cli.kubernetes_objects import PredictorPod, read_object
from penstock_cli.lines import summary_line
from penstock_cli.model_deployment import ModelDeploymentView
from penstock_cli.rollout_view import RolloutReading, RolloutView, rollout_view
from penstock_cli.steps import steps_of
from penstock_contracts.api.strategy import Strategy
from penstock_controller.rollout import steps as engine_steps
from penstock_testing.rollout_world import RolloutWorld

Changed = Callable[..., RolloutView]


@pytest.fixture
def changed(reading: RolloutReading, on_trial: dict[str, Any]) -> Changed:
    """The view after something of the status became another."""

    def view(**status: Any) -> RolloutView:
        resource = on_trial["resource"] | {"status": on_trial["resource"]["status"] | status}
        return rollout_view(replace(reading, resource=read_object(ModelDeploymentView, resource, "read")))

    return view


def test_each_version_is_shown_with_what_every_gateway_pod_sends_to_it_and_its_ready_pods(
    reading: RolloutReading,
) -> None:
    shown = [(each.role, each.version, each.weight, each.ready, each.pods) for each in rollout_view(reading).revisions]
    assert shown == [("stable", "7", 75, 2, 2), ("candidate", "8", 25, 1, 1)]


def test_traffic_that_is_not_acknowledged_is_not_shown_as_the_share(changed: Changed, on_trial: dict[str, Any]) -> None:
    desired = on_trial["resource"]["status"]["traffic"]["desired"]
    assert [each.weight for each in changed(traffic={"desired": desired}).revisions] == [None, None]


def test_a_pod_that_leaves_is_not_ready_whatever_its_condition_says(
    reading: RolloutReading, on_trial: dict[str, Any]
) -> None:
    on_trial["pods"][0]["metadata"]["deletionTimestamp"] = "2026-03-02T09:41:00Z"
    pods = [read_object(PredictorPod, pod, "read") for pod in on_trial["pods"]]
    assert rollout_view(replace(reading, pods=pods)).revisions[0].ready == 1


def test_copies_are_shown_beside_the_share(changed: Changed, on_trial: dict[str, Any]) -> None:
    applied = on_trial["resource"]["status"]["traffic"]["desired"] | {
        "backends": [{"revision": "3f1c9a7be2", "weight": 100}, {"revision": "c04b8e6d15", "weight": 0}],
        "mirror": {"revision": "c04b8e6d15", "percentage": 100},
    }
    found = changed(traffic={"desired": applied, "applied": applied})
    assert [(each.weight, each.mirror) for each in found.revisions] == [(100, 0), (0, 100)]
    assert "candidate 8 0 % copies of 100 %" in summary_line(found)


def test_what_could_not_be_read_is_unknown_and_said(reading: RolloutReading) -> None:
    found = rollout_view(replace(reading, pods=None, events=None, problems=("no right to list pods",)))
    assert [each.ready for each in found.revisions] == [None, None]
    assert found.events == ()
    assert "no right to list pods" in summary_line(found)


def test_events_on_an_object_that_had_the_name_before_are_left_out(reading: RolloutReading) -> None:
    assert [event.reason for event in rollout_view(reading).events] == ["Promoted", "RolloutStarted"]


def test_steps_are_done_current_and_to_come(reading: RolloutReading) -> None:
    states = [step.state for step in rollout_view(reading).steps]
    assert states == ["done"] * 5 + ["current"] + ["coming"] * 2


@pytest.mark.parametrize("status", [{}, {"status": {}}])
def test_a_resource_that_nobody_has_looked_at_has_a_view_too(on_trial: dict[str, Any], status: dict[str, Any]) -> None:
    bare = {key: value for key, value in on_trial["resource"].items() if key != "status"} | status
    found = rollout_view(RolloutReading(resource=read_object(ModelDeploymentView, bare, "read")))
    assert (found.phase, found.revisions, found.steps) == ("Pending", (), ())
    assert "has not looked" in found.message


def test_a_spec_that_was_changed_since_is_said(reading: RolloutReading, changed: Changed) -> None:
    assert not rollout_view(reading).behind
    assert changed(observedGeneration=2).behind


def test_who_waits_for_a_person_names_the_command(changed: Changed, on_trial: dict[str, Any]) -> None:
    assert changed(phase="Paused").next == "kubectl penstock promote fraud-detector -n payments"
    paused = on_trial["resource"]["status"]["candidate"] | {"paused": True}
    assert changed(phase="Paused", candidate=paused).next.startswith("kubectl penstock resume ")
    assert changed(phase="Baking").next == ""


@pytest.mark.parametrize(
    "strategy",
    [
        {},
        {"canary": {}},
        {"canary": {"steps": []}},
        {"canary": {"steps": [{"setCanaryScale": {"replicas": 3}}, {"setWeight": 20}, {"pause": {}}]}},
        {"blueGreen": {}},
        {"blueGreen": {"pause": {"duration": "5m"}}},
    ],
)
def test_the_steps_are_those_that_the_controller_follows(strategy: dict[str, Any]) -> None:
    typed = Strategy.model_validate(strategy)
    assert steps_of(typed) == engine_steps.steps_of(typed)


def test_every_status_that_the_engine_writes_has_a_view() -> None:
    """The field names are the controller's."""
    world = RolloutWorld().want("1").settle()
    world.want("2")
    roles = set()
    for _ in range(12):
        world.tick()
        found = rollout_view(RolloutReading(resource=resource(world), pods=[]))
        roles |= {each.role for each in found.revisions}
        assert found.phase == world.status.phase.value
        assert found.message == world.status.message
    assert {"stable", "candidate"} <= roles


def resource(world: RolloutWorld) -> ModelDeploymentView:
    document = {
        "metadata": {"namespace": "users", "name": "model", "generation": 1},
        "spec": world.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": world.status.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
    return read_object(ModelDeploymentView, document, "read")
