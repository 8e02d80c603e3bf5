"""The same bytes in other predictor pods: what a new predictor image means to one resource."""

from dataclasses import replace

import pytest

from penstock_contracts.api.status import LONGEST_FAILURE, Completion, ModelDeploymentStatus, Phase
from penstock_contracts.base import evolve
from penstock_contracts.verbs import Verb
from penstock_controller.rollout.observation import RefusedVersion, Target, Unresolved, Wanted
from penstock_controller.rollout.slots import SlotState, standing, wants_turn
from penstock_testing.rollout_scenes import condition, is_baking, last, until
from penstock_testing.rollout_world import RolloutWorld, spec, wanted

WAITS = "waits for its turn: 5 at a time (controller.maxConcurrentRollouts)"


def served() -> RolloutWorld:
    return RolloutWorld().want("1").settle()


def upgraded(world: RolloutWorld, image: int = 2) -> RolloutWorld:
    """Another predictor image: another revision, and no edit of the spec."""
    assert isinstance(world.target, Wanted)
    world.target = replace(world.target, revision=f"rev{world.target.version}-image{image}")
    world.pods = f"image{image}"
    return world


def wants(world: RolloutWorld, *, paused: bool = False) -> bool:
    return wants_turn(world.status, world.target, world.generation, paused=paused, pods=world.pods)


def stands(world: RolloutWorld, target: Target | None = None) -> SlotState:
    """What the others know of it."""
    return standing(world.status, target or world.target, world.pods)


def failed(world: RolloutWorld | None = None) -> RolloutWorld:
    """Its pods of another image did not start."""
    world = upgraded(world or served())
    world.broken = {"rev1-image2"}
    world.settle(60)
    assert "spec.progressDeadline" in stands(world).failure
    return world


def retried(world: RolloutWorld) -> RolloutWorld:
    """A person has said retry, and it is on trial again."""
    world.say(Verb.RETRY).tick()
    assert world.status.candidate
    return world


def serving(world: RolloutWorld) -> str:
    """The revision that serves."""
    assert world.status.stable
    return world.status.stable.revision


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
    assert serving(world) == "rev1-image2"
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
    assert stands(world).on_trial
    assert not stands(world.settle()).on_trial


def test_pods_that_do_not_start_are_a_failure_that_others_hear_of() -> None:
    world = failed()
    assert not stands(world).on_trial
    assert not wants(world)


AWAY = Unresolved(reason="AskingRegistry", message="asking the registry")


def test_a_failure_holds_after_a_restart_before_registry_and_store_have_answered() -> None:
    world = failed()
    assert "spec.progressDeadline" in stands(world, AWAY).failure


@pytest.mark.parametrize(
    "target",
    [
        replace(AWAY, permanent=True),
        RefusedVersion(version="1", created_at_ms=1001, reason="PickleOnly", message="model.pkl"),
    ],
)
def test_nobody_waits_for_a_retry_that_could_not_begin(target: Target) -> None:
    assert stands(failed(), target).failure == ""


def test_a_version_that_failed_is_none_of_the_image_either_while_the_registry_is_away() -> None:
    world = served().want("2")
    world.broken = {"rev2"}
    world.settle(60)
    assert stands(world, AWAY).failure == ""


def test_another_image_after_one_that_failed_is_tried() -> None:
    world = upgraded(failed(), image=3)
    assert stands(world).failure == ""
    assert wants(world)
    assert serving(world.settle()) == "rev1-image3"
    assert world.status.upgrade_failure is None


def test_a_version_that_failed_is_no_failure_of_the_image() -> None:
    world = served().want("2")
    world.broken = {"rev2"}
    world.settle(60)
    assert stands(world).failure == ""


def test_an_edit_that_failed_is_no_failure_of_the_image() -> None:
    world = served()
    world.target = wanted("1", revision="rev1-edited")
    world.edit(spec())
    world.broken = {"rev1-edited"}
    world.settle(60)
    assert last(world).completion is Completion.ROLLED_BACK
    assert stands(world).failure == ""


def test_a_failure_stands_while_its_retry_is_under_way_its_bake_included() -> None:
    world = failed(RolloutWorld(spec=spec(bake={"duration": "30s"})).want("1").settle())
    failure = stands(world)
    retried(world)
    assert stands(world) == replace(failure, on_trial=True)
    world.broken.clear()
    until(world, is_baking)
    assert stands(world) == replace(failure, on_trial=True)


def test_a_retry_that_succeeded_is_told_to_the_others() -> None:
    world = retried(failed())
    world.broken.clear()
    world.settle()
    assert serving(world) == "rev1-image2"
    assert (stands(world).failure, stands(world).on_trial) == ("", False)
    assert stands(world).passed_at > last(world).started_at


def test_a_retry_that_failed_is_another_failure() -> None:
    world = failed()
    before = stands(world)
    retried(world).settle(60)
    assert stands(world).failed_at > before.failed_at
    assert "spec.progressDeadline" in stands(world).failure


def test_a_retry_that_a_person_ended_shows_nothing_of_the_image() -> None:
    world = retried(failed())
    world.say(Verb.ABORT).settle()
    assert stands(world).failure == "a person said abort"


def test_a_failure_that_was_retried_holds_after_a_restart_before_registry_and_store_have_answered() -> None:
    world = retried(failed())
    read = world.status.model_dump(mode="json", exclude_none=True)
    world.status = ModelDeploymentStatus.model_validate(read)
    assert "spec.progressDeadline" in stands(world, AWAY).failure
    assert stands(world, AWAY).on_trial


def test_a_retry_that_was_said_while_the_registry_was_away_waits_for_no_other() -> None:
    world = failed()
    wish, world.target = world.target, AWAY
    world.say(Verb.RETRY).tick()
    assert world.status.refused is None
    assert "spec.progressDeadline" in stands(world).failure
    world.target = wish
    assert not wants(world)
    world.tick()
    assert world.status.candidate


@pytest.mark.parametrize("retries", [False, True])
def test_an_edit_that_makes_another_template_is_a_retry_too_as_the_image_is_the_same(retries: bool) -> None:
    world = retried(failed()) if retries else failed()
    failure = stands(world).failure
    world.target = wanted("1", revision="rev1-edited-image2")
    world.edit(spec(predictor={"timeout": "9s"}))
    until(world, lambda world: bool(world.status.candidate and "edited" in world.status.candidate.revision))
    assert (stands(world).failure, stands(world).on_trial) == (failure, True)
    other = world.branch()
    other.broken = {"rev1-edited-image2"}
    assert stands(other.settle(60)).failure == failure
    assert serving(world.settle()) == "rev1-edited-image2"
    assert stands(world).failure == ""
    assert stands(world).passed_at


def test_another_image_while_a_retry_is_under_way_ends_what_others_wait_for() -> None:
    world = upgraded(retried(failed()), image=3)
    assert stands(world).failure == ""


def test_back_to_the_image_from_before_and_forth_again_is_another_try() -> None:
    world = failed()
    world.target, world.pods = wanted("1"), "image1"
    world.settle()
    assert world.status.upgrade_failure is None
    assert stands(upgraded(world)).failure == ""
    assert wants(world)


def test_a_failure_is_cut_where_it_is_long_and_at_rest_it_is_not_written_again() -> None:
    world = failed()
    assert world.status.refused
    long = evolve(world.status.refused, message="x" * 3000)
    world.status = evolve(world.status, refused=long)
    world.tick()
    assert len(stands(world).failure) == LONGEST_FAILURE
    writes = world.writes
    world.tick(3600)
    assert world.writes == writes


def test_a_failure_that_an_older_controller_wrote_is_remembered_from_the_refusal() -> None:
    world = failed()
    known = world.status.upgrade_failure
    world.status = evolve(world.status, upgrade_failure=None)
    world.tick()
    assert world.status.upgrade_failure == known
