"""What status says the registry is to show: from the pass that decides it until the registry has it."""

from dataclasses import replace

import pytest

from penstock_contracts.base import evolve
from penstock_controller.rollout import write_back
from penstock_controller.rollout.engine import advance
from penstock_controller.rollout.registry_entry import Entry
from penstock_testing.rollout_registry import Model
from penstock_testing.rollout_scenes import canary, condition, is_baking, last, on_trial, until
from penstock_testing.rollout_world import RolloutWorld

M: Model = ("default", "m")
FOLLOWED: dict[str, object] = {"model": "m", "alias": "champion", "liveAlias": "live"}


def baking() -> RolloutWorld:
    """Version 2 has just become stable, version 1 is warm."""
    return until(on_trial(canary(bake="60s", registry=FOLLOWED)), is_baking)


def live(world: RolloutWorld) -> str:
    return world.registry.aliases[M, "live"]


def written(world: RolloutWorld) -> list[Entry]:
    return [entry for entry, count in world.registry.writes.items() for _ in range(count)]


def test_the_live_alias_moves_when_stable_does_and_the_outcome_comes_when_the_bake_is_over() -> None:
    world = baking()
    world.tick(0.2)
    assert live(world) == "2"
    assert (M, "2") not in world.registry.outcomes
    world.settle(30)
    assert world.registry.outcomes[M, "2"].completion == "Promoted"
    assert write_back.due(world.status) == ()


def test_a_rollback_in_the_bake_moves_the_live_alias_back() -> None:
    world = baking()
    world.tick(0.2)
    world.want("1").settle(0.2)
    assert live(world) == "1"
    assert world.registry.outcomes[M, "2"].message == last(world).message


def test_an_alias_that_may_be_in_flight_is_moved_back_though_it_never_was_known_to_be_moved() -> None:
    """The registry took it, and the controller was killed before it knew."""
    world = baking()
    world.registry.aliases[M, "live"] = "2"
    world.registry.away = True
    world.want("1").settle(0.2)
    world.registry.away = False
    world.settle(0.2)
    assert live(world) == "1"


def test_a_registry_that_was_away_gets_everything_once() -> None:
    world = on_trial(canary(registry=FOLLOWED))
    world.registry.writes.clear()
    world.registry.away = True
    world.settle(0.2)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"
    assert condition(world, "RegistryReachable") == ("False", "RegistryAway")
    assert len(write_back.due(world.status)) == 2
    world.registry.away = False
    world.settle(0.2)
    assert [(entry.version, entry.alias) for entry in written(world)] == [("2", "live"), ("2", "")]
    assert condition(world, "RegistryReachable") == ("True", "Answered")


def test_a_registry_that_refuses_is_told_and_the_rollout_goes_on() -> None:
    world = on_trial(canary(registry=FOLLOWED))
    world.registry.refuses = True
    world.settle(0.2)
    assert world.status.stable is not None
    assert world.status.stable.version == "2"
    assert world.status.phase.value == "Healthy"
    assert condition(world, "RegistryReachable") == ("False", "RegistryRefused")


def test_an_alias_that_an_older_resource_moves_is_left_to_it_and_said_so() -> None:
    world = on_trial(canary(registry=FOLLOWED))
    world.settle(0.2)
    seen = replace(world.observe(), alias_mover="ns/older")
    told = advance(world.spec, world.status, seen).status
    found = next(item for item in told.conditions if item.type == "RegistryReachable")
    assert (found.status, found.reason) == ("False", "LiveAliasTaken")
    assert found.message.startswith("ns/older, which is older, moves the same spec.registry.liveAlias")
    assert write_back.due(on_trial(canary(registry=FOLLOWED)).status, moves_alias=False) == ()
    alone = advance(world.spec, told, world.observe()).status
    assert next(item.reason for item in alone.conditions if item.type == "RegistryReachable") == "Answered"


def test_what_was_known_to_be_refused_stands_until_a_new_controller_has_asked() -> None:
    world = on_trial(canary(registry=FOLLOWED))
    world.registry.refuses = True
    world.settle(0.2)
    just_started = advance(world.spec, world.status, replace(world.observe(), registry_answers=()))
    assert just_started.status == world.status


def test_a_deleted_version_is_given_up_and_said_so() -> None:
    world = on_trial(canary(registry=FOLLOWED))
    world.registry.deleted = {"2"}
    world.settle(0.2)
    assert write_back.due(world.status) == ()
    assert "version 2" in world.status.registry_write.problem


def test_outcomes_of_a_model_that_the_spec_no_longer_names_go_to_that_model() -> None:
    world = on_trial(canary(bake="60s", registry=FOLLOWED))
    world.tick(0.2)
    other = evolve(world.spec.registry, model="other")
    world.edit(evolve(world.spec, registry=other)).want("7")
    world.settle(10)
    assert world.registry.outcomes[M, "2"].completion == "Superseded"
    assert world.registry.outcomes[("default", "other"), "7"].completion == "Promoted"
    assert world.registry.aliases == {(M, "live"): "1", (("default", "other"), "live"): "7"}


@pytest.mark.parametrize("attempts", [1, write_back.MOST + 3])
def test_while_the_registry_is_away_for_long_the_newest_outcomes_are_kept(attempts: int) -> None:
    world = RolloutWorld(spec=canary(revisionHistoryLimit=1))
    world.registry.away = True
    for version in range(1, attempts + 1):
        world.want(str(version)).settle(0.2)
    waiting = world.status.registry_write.unwritten
    assert len(waiting) == min(attempts, write_back.MOST)
    assert waiting[-1].version == str(attempts)


def test_without_a_live_alias_no_alias_is_moved() -> None:
    world = on_trial(canary()).settle(0.2)
    assert world.registry.aliases == {}
    assert world.registry.outcomes.keys() == {(M, "1"), (M, "2")}
