"""The same bytes in other predictor pods: what a new predictor image means to one resource."""

from dataclasses import replace

import pytest

from penstock_controller.api.status import Completion, Phase
from penstock_controller.rollout.observation import Unresolved, Wanted
from penstock_controller.rollout.turn import standing, wants_turn
from penstock_testing.rollout_scenes import condition, is_baking, last, until
from penstock_testing.rollout_world import RolloutWorld, spec, wanted

WAITS = "waits for its turn: 5 at a time (controller.maxConcurrentRollouts)"


def served() -> RolloutWorld:
    return RolloutWorld().want("1").settle()


def upgraded(world: RolloutWorld, image: int = 2) -> RolloutWorld:
    """Another predictor image: another revision, and no edit of the spec."""
    assert isinstance(world.target, Wanted)
    world.target = replace(world.target, revision=f"rev1-image{image}")
    return world


def wants(world: RolloutWorld, *, paused: bool = False) -> bool:
    return wants_turn(world.status, world.target, world.generation, paused=paused)


def test_who_waits_for_its_turn_serves_on_and_says_so() -> None:
    world = upgraded(served())
    world.turn = WAITS
    world.settle()
    assert world.status.phase is Phase.HEALTHY
    assert world.status.candidate is None
    assert world.status.message == f"version 1 in other predictor pods {WAITS}"
    assert condition(world, "Reconciling") == ("True", "Queued")
    assert condition(world, "Ready")[0] == "True"


def test_at_rest_in_the_queue_nothing_is_written() -> None:
    world = upgraded(served())
    world.turn = WAITS
    world.settle()
    writes = world.writes
    for _ in range(3):
        world.tick(600)
    assert world.writes == writes


def test_when_its_turn_comes_it_goes_on_trial_like_any_other() -> None:
    world = upgraded(served())
    world.turn = WAITS
    world.settle()
    world.turn = ""
    world.settle()
    assert world.status.stable
    assert world.status.stable.revision == "rev1-image2"
    assert last(world).completion is Completion.PROMOTED
    assert world.lost == 0


def test_another_image_wants_a_turn() -> None:
    assert wants(upgraded(served()))


@pytest.mark.parametrize("version", ["1", "2"])
def test_what_is_served_already_or_another_version_wants_none(version: str) -> None:
    assert not wants(served().want(version))


def test_the_first_version_wants_none() -> None:
    assert not wants(RolloutWorld().want("1"))


def test_an_edit_of_the_spec_wants_none() -> None:
    world = upgraded(served())
    assert not wants(world.edit(spec()))


def test_an_edit_that_made_no_attempt_is_no_reason_to_pass_the_others() -> None:
    world = served().edit(spec(bake={"duration": "1m"})).settle()
    assert wants(upgraded(world))


def test_while_the_spec_is_paused_no_turn_is_wanted() -> None:
    assert not wants(upgraded(served()), paused=True)


def test_on_trial_it_wants_no_other_turn_and_counts_until_the_bake_is_over() -> None:
    world = upgraded(RolloutWorld(spec=spec(bake={"duration": "30s"})).want("1").settle())
    until(world, is_baking)
    assert not wants(world)
    assert standing(world.status, world.target).on_trial
    assert not standing(world.settle().status, world.target).on_trial


def test_pods_that_do_not_start_are_a_failure_that_others_hear_of() -> None:
    world = upgraded(served())
    world.broken = {"rev1-image2"}
    world.settle(60)
    found = standing(world.status, world.target)
    assert not found.on_trial
    assert "spec.progressDeadline" in found.failure
    assert not wants(world)


AWAY = Unresolved(reason="AskingRegistry", message="asking the registry")


def test_a_failure_holds_after_a_restart_before_registry_and_store_have_answered() -> None:
    world = upgraded(served())
    world.broken = {"rev1-image2"}
    world.settle(60)
    assert "spec.progressDeadline" in standing(world.status, AWAY).failure
    assert standing(world.status, replace(AWAY, permanent=True)).failure == ""


def test_a_version_that_failed_is_none_of_the_image_either_while_the_registry_is_away() -> None:
    world = served().want("2")
    world.broken = {"rev2"}
    world.settle(60)
    assert standing(world.status, AWAY).failure == ""


def test_another_image_after_one_that_failed_is_tried() -> None:
    world = upgraded(served())
    world.broken = {"rev1-image2"}
    world.settle(60)
    upgraded(world, image=3)
    assert standing(world.status, world.target).failure == ""
    assert wants(world)
    assert world.settle().status.stable
    assert world.status.stable
    assert world.status.stable.revision == "rev1-image3"


def test_a_version_that_failed_is_no_failure_of_the_image() -> None:
    world = served().want("2")
    world.broken = {"rev2"}
    world.settle(60)
    assert standing(world.status, world.target).failure == ""


def test_an_edit_that_failed_is_no_failure_of_the_image() -> None:
    world = served()
    world.target = wanted("1", revision="rev1-edited")
    world.edit(spec())
    world.broken = {"rev1-edited"}
    world.settle(60)
    assert last(world).completion is Completion.ROLLED_BACK
    assert standing(world.status, world.target).failure == ""
