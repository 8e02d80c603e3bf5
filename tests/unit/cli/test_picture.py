from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from penstock_cli.lines import line
from penstock_cli.picture import Picture, Seen, picture
from penstock_cli.steps import steps_of
from penstock_contracts.api.strategy import Strategy
from penstock_controller.rollout import steps as engine_steps
from penstock_testing.rollout_world import RolloutWorld


def changed(seen: Seen, **status: Any) -> Picture:
    """The picture after something of the status became another."""
    resource = deepcopy(dict(seen.resource))
    resource["status"] |= status
    return picture(replace(seen, resource=resource))


def test_each_version_is_shown_with_what_every_gateway_pod_sends_to_it_and_its_ready_pods(seen: Seen) -> None:
    shown = [(each.role, each.version, each.weight, each.ready, each.pods) for each in picture(seen).revisions]
    assert shown == [("stable", "7", 75, 2, 2), ("candidate", "8", 25, 1, 1)]


def test_a_wish_that_is_not_acknowledged_is_not_shown_as_the_share(seen: Seen) -> None:
    desired = seen.resource["status"]["traffic"]["desired"]
    assert [each.weight for each in changed(seen, traffic={"desired": desired}).revisions] == [None, None]


def test_a_pod_that_leaves_is_not_ready_whatever_its_condition_says(seen: Seen, on_trial: dict[str, Any]) -> None:
    on_trial["pods"][0]["metadata"]["deletionTimestamp"] = "2026-03-02T09:41:00Z"
    assert picture(seen).revisions[0].ready == 1


def test_copies_are_shown_beside_the_share(seen: Seen) -> None:
    applied = {
        "backends": [{"revision": "3f1c9a7be2", "weight": 100}, {"revision": "c04b8e6d15", "weight": 0}],
        "mirror": {"revision": "c04b8e6d15", "percentage": 100},
    }
    found = changed(seen, traffic={"applied": applied})
    assert [(each.weight, each.mirror) for each in found.revisions] == [(100, 0), (0, 100)]
    assert "candidate 8 0 % copies of 100 %" in line(found)


def test_what_could_not_be_read_is_unknown_and_said(seen: Seen) -> None:
    found = picture(replace(seen, pods=None, events=None, problems=("no right to list pods",)))
    assert [each.ready for each in found.revisions] == [None, None]
    assert found.events == ()
    assert "no right to list pods" in line(found)


def test_events_on_an_object_that_had_the_name_before_are_left_out(seen: Seen) -> None:
    assert [event.reason for event in picture(seen).events] == ["Promoted", "RolloutStarted"]


def test_steps_are_done_current_and_to_come(seen: Seen) -> None:
    states = [step.state for step in picture(seen).steps]
    assert states == ["done"] * 5 + ["current"] + ["coming"] * 2


def test_a_resource_that_nobody_has_looked_at_has_a_picture_too(seen: Seen) -> None:
    bare = {key: value for key, value in seen.resource.items() if key != "status"}
    found = picture(Seen(resource=bare))
    assert (found.phase, found.revisions, found.steps) == ("Pending", (), ())
    assert "has not looked" in found.message


def test_a_spec_that_was_changed_since_is_said(seen: Seen) -> None:
    assert not picture(seen).behind
    assert changed(seen, observedGeneration=2).behind


def test_who_waits_for_a_person_names_the_command(seen: Seen) -> None:
    assert changed(seen, phase="Paused").next == "kubectl penstock promote fraud-detector -n payments"
    paused = seen.resource["status"]["candidate"] | {"paused": True}
    assert changed(seen, phase="Paused", candidate=paused).next.startswith("kubectl penstock resume ")
    assert changed(seen, phase="Baking").next == ""


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
    followed = engine_steps.steps_of(Strategy.model_validate(strategy))
    told = [step.model_dump(mode="json", by_alias=True, exclude_none=True) for step in followed]
    assert [dict(step) for step in steps_of({"strategy": strategy})] == told


def test_every_status_that_the_engine_writes_has_a_picture() -> None:
    """The field names are the controller's."""
    world = RolloutWorld().want("1").settle()
    world.want("2")
    roles = set()
    for _ in range(12):
        world.tick()
        found = picture(Seen(resource=resource(world), pods=[]))
        roles |= {each.role for each in found.revisions}
        assert found.phase == world.status.phase.value
        assert found.message == world.status.message
    assert {"stable", "candidate"} <= roles


def resource(world: RolloutWorld) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "users", "name": "model", "generation": 1},
        "spec": world.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "status": world.status.model_dump(mode="json", by_alias=True, exclude_none=True),
    }
