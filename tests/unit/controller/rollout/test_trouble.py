from datetime import UTC, datetime

from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.rollout.trouble import PassTrouble, status_with_trouble
from penstock_testing.rollout_scenes import canary, condition
from penstock_testing.rollout_world import RolloutWorld

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TROUBLE = PassTrouble(reason="PassFailing", message="KeyError: object 12 has no label")


def test_the_first_pass_that_fails_leaves_all_conditions() -> None:
    told = status_with_trouble({"observedGeneration": -1}, TROUBLE, 1, NOW)
    assert told
    status = ModelDeploymentStatus.model_validate(told)
    found = {item.type: (item.status, item.reason) for item in status.conditions}
    assert found == {
        kind: (word, "PassFailing")
        for kind, word in (("Ready", "False"), ("Reconciling", "False"), ("Stalled", "True"))
    }
    assert (status.phase.value, status.reason, status.observed_generation) == ("Degraded", "PassFailing", 1)


def test_what_serves_stays_ready_and_everything_else_as_it_was() -> None:
    world = RolloutWorld(spec=canary()).want("1").settle()
    before = world.status.model_dump(mode="json", exclude_none=True)
    told = status_with_trouble(before, TROUBLE, 1, NOW)
    assert told
    world.status = ModelDeploymentStatus.model_validate(told)
    assert condition(world, "Ready") == ("True", "Serving")
    assert condition(world, "Stalled") == ("True", "PassFailing")
    told_of = {"conditions", "reason", "message"}
    assert {key for key in told if told[key] != before.get(key)} == told_of


def test_it_is_told_once_whatever_numbers_are_in_it_and_anew_when_it_is_another() -> None:
    told = status_with_trouble({}, TROUBLE, 1, NOW)
    assert told
    again = PassTrouble(reason="PassFailing", message="KeyError: object 13 has no label")
    assert status_with_trouble(told, again, 1, NOW) is None
    assert status_with_trouble(told, again, 2, NOW) is not None
    assert status_with_trouble(told, PassTrouble(reason="PassFailing", message="ValueError"), 1, NOW) is not None


def test_the_first_pass_that_ends_takes_it_away() -> None:
    world = RolloutWorld(spec=canary()).want("1").settle()
    told = status_with_trouble(world.status.model_dump(mode="json", exclude_none=True), TROUBLE, 1, NOW)
    world.status = ModelDeploymentStatus.model_validate(told)
    world.run_pass()
    assert condition(world, "Stalled") == ("False", "NotStalled")
    assert (world.status.reason, world.status.message) == ("Serving", "version 1 serves")


def test_a_status_of_which_parts_cannot_be_parsed_is_told_in_too() -> None:
    told = status_with_trouble({"stable": {"of": "another CRD"}, "phase": "Healthy"}, TROUBLE, 3, NOW)
    assert told
    assert told["stable"] == {"of": "another CRD"}
    assert told["phase"] == "Healthy"
