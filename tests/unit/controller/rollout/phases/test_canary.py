"""A candidate's way through its steps."""

from itertools import pairwise

import pytest

from penstock_contracts.api.status import Completion, Phase
from penstock_contracts.verbs import Verb
from penstock_controller.rollout.decision import ScaleWorkload
from penstock_controller.rollout.observation import RefusedVersion, Unresolved
from penstock_testing.rollout_scenes import (
    asked,
    canary,
    condition,
    has,
    is_baking,
    is_paused,
    last,
    on_trial,
    pause,
    stable,
    until,
    wish,
)
from penstock_testing.rollout_world import RolloutWorld, spec
from penstock_testing.strategies import mirror, weight

THREE = (weight(5), pause("2s"), weight(25), pause("2s"), weight(50), pause("2s"))


def _shares(world: RolloutWorld) -> list[int]:
    """The candidate's applied weights, in order, until it is stable."""
    seen = [0]
    while stable(world) != "2":
        world.tick(0.2)
        seen.append(world.status.candidate.weight if world.status.candidate else 100)
    return [seen[0], *(now for before, now in pairwise(seen) if now != before)]


def test_a_candidate_is_promoted_through_5_25_and_50() -> None:
    world = on_trial(canary(*THREE))
    assert _shares(world) == [0, 5, 25, 50, 100]
    assert last(world).completion is Completion.PROMOTED
    assert world.lost == 0


def test_each_pause_lasts_its_time_from_when_all_gateway_pods_have_the_weight() -> None:
    world = on_trial(canary(weight(5), pause("10s"), weight(50)))
    until(world, has(5))
    began = world.now
    until(world, has(50))
    assert (world.now - began).total_seconds() >= 10


def test_a_share_waits_for_pods_then_for_the_gateway_to_know_them_then_for_its_answer() -> None:
    world = on_trial(canary(weight(50), pause()))
    world.broken = {"rev2"}
    world.tick()
    world.tick()
    assert "0 of 2 pods are ready" in world.status.message
    assert asked(world) == {"rev1": 100}
    world.broken, world.silent = set(), {"gw-1"}
    for _ in range(3):
        world.tick()
    assert asked(world) == {"rev1": 100, "rev2": 0}
    assert "gw-1" in world.status.message
    world.silent = set()
    until(world, is_paused)
    assert asked(world) == {"rev2": 50, "rev1": 50}


def test_a_share_rises_no_further_while_a_gateway_pod_is_silent() -> None:
    world = until(on_trial(canary(weight(5), pause("2s"), weight(50), pause())), has(5))
    world.silent = {"gw-0"}
    for _ in range(10):
        world.tick()
    assert has(5)(world)
    world.silent = set()
    until(world, has(50))


def test_a_share_rises_only_when_the_pods_it_needs_are_there() -> None:
    world = until(on_trial(canary(weight(5), pause("2s"), weight(100), pause())), has(5))
    world.short = {"rev2"}
    for _ in range(10):
        world.tick()
    assert world.workloads["rev2"].replicas == 4
    assert "3 of 4 pods are ready" in world.status.message
    assert has(5)(world)


def test_a_share_rises_only_when_every_gateway_pod_knows_the_pods_it_needs() -> None:
    world = until(on_trial(canary(weight(5), pause("2s"), weight(50), pause())), has(5))
    world.blind = {"gw-1"}
    world.endpoints["gw-1"] = {"rev1": 4, "rev2": 1}
    for _ in range(10):
        world.tick()
    assert asked(world)["rev2"] == 5
    world.blind = set()
    until(world, has(50))


def test_a_share_that_is_edited_up_waits_for_the_gateway_pod_that_is_behind() -> None:
    world = until(on_trial(canary(weight(5), pause())), has(5))
    world.silent = {"gw-1"}
    world.edit(canary(weight(25), pause()))
    until(world, lambda world: asked(world)["rev2"] == 25)
    world.edit(canary(weight(50), pause()))
    for _ in range(5):
        world.tick()
    assert asked(world)["rev2"] == 25
    world.silent = set()
    until(world, has(50))


def test_a_newer_version_that_the_store_refuses_ends_the_trial_too() -> None:
    world = until(on_trial(canary(weight(50), pause())), has(50))
    world.target = RefusedVersion(version="3", created_at_ms=1003, reason="PickleOnly", message="model.pkl: convert it")
    world.settle()
    assert last(world).completion is Completion.SUPERSEDED
    assert condition(world, "Stalled") == ("True", "PickleOnly")
    assert stable(world) == "1"


def test_pods_stay_while_a_share_goes_down() -> None:
    world = on_trial(canary(weight(75), pause("2s"), weight(25), pause()))
    until(world, is_paused)
    world.tick()
    assert has(25)(world)
    assert world.workloads["rev2"].replicas == 4


def test_a_resource_without_steps_goes_through_the_default_ones() -> None:
    world = on_trial(spec(strategy={}, predictor={"minReplicas": 4}))
    assert _shares(world) == [0, 5, 25, 50, 100]


def test_no_steps_at_all_mean_everything_at_once() -> None:
    assert _shares(on_trial(canary())) == [0, 100]


def test_a_shadow_answers_copies_with_all_its_pods_and_users_see_nothing_of_it() -> None:
    world = on_trial(canary(mirror(100), pause(), weight(50)))
    until(world, is_paused)
    split = wish(world)
    assert (split.mirror.revision, split.mirror.percentage) == ("rev2", 100) if split.mirror else False
    assert asked(world) == {"rev2": 0, "rev1": 100}
    assert world.workloads["rev2"].replicas == 4


def test_copies_end_where_users_requests_begin() -> None:
    world = until(on_trial(canary(mirror(100), pause("2s"), weight(50), pause())), has(50))
    assert wish(world).mirror is None


def test_a_candidate_may_be_larger_than_its_share_needs() -> None:
    world = until(on_trial(canary({"setCanaryScale": {"replicas": 7}}, weight(5), pause())), is_paused)
    assert world.workloads["rev2"].replicas == 7


def test_after_its_promotion_it_has_as_many_pods_as_stable_has() -> None:
    world = on_trial(canary({"setCanaryScale": {"replicas": 7}}, weight(5))).settle()
    assert ScaleWorkload(revision="rev2", replicas=4) in world.actions


def test_testers_reach_the_candidate_and_sticky_users_keep_it() -> None:
    match = [{"headers": {"x-canary": "always"}}]
    world = on_trial(canary(weight(0), pause(), match=match, stickiness={"header": "x-user-id"}))
    until(world, is_paused)
    split = wish(world)
    assert [(one.headers, one.revision) for one in split.match] == [({"x-canary": "always"}, "rev2")]
    assert split.stickiness
    assert split.stickiness.header == "x-user-id"


def test_the_candidate_takes_its_share_first_so_that_who_has_it_keeps_it_while_it_grows() -> None:
    world = on_trial(canary(weight(5), pause("1s"), weight(50), pause()))
    for percent in (5, 50):
        until(world, has(percent))
        assert [backend.revision for backend in wish(world).backends] == ["rev2", "rev1"]


def test_what_fails_at_the_candidate_is_repeated_on_stable() -> None:
    world = until(on_trial(canary(weight(50), pause())), has(50))
    assert wish(world).rescue == "rev1"
    world.failing = {"rev2": 1.0}
    world.let_users_ask()
    assert world.lost == 0


def test_a_pause_without_an_end_waits_for_a_person_and_says_how_to_go_on() -> None:
    world = until(on_trial(canary(weight(5), pause(), weight(50), pause())), is_paused)
    assert "annotate penstock.dev/promote=2/1" in world.status.message
    assert condition(world, "Reconciling") == ("True", "Paused")
    world.tick(3600 * 24)
    assert is_paused(world)
    world.words[Verb.PROMOTE] = "2/1"
    until(world, has(50))
    until(world, is_paused)
    assert "promote=2/3" in world.status.message


@pytest.mark.parametrize("word", ["1/1", "2/0", "2/3", "yes", "2"])
def test_a_word_for_another_pause_or_attempt_has_no_effect(word: str) -> None:
    world = until(on_trial(canary(weight(5), pause(), weight(50))), is_paused)
    world.words[Verb.PROMOTE] = word
    for _ in range(5):
        world.tick()
    assert is_paused(world)


def test_blue_green_shows_a_preview_in_full_size_and_then_moves_everything() -> None:
    strategy: dict[str, object] = {"blueGreen": {}}
    world = on_trial(spec(strategy=strategy, predictor={"minReplicas": 3}, bake={"duration": "5m"}))
    until(world, is_paused)
    assert world.workloads["rev2"].replicas == 3
    assert asked(world) == {"rev2": 0, "rev1": 100}
    assert [dict(one.headers) for one in wish(world).match] == [{"x-preview": "always"}]
    world.words[Verb.PROMOTE] = "2/1"
    until(world, is_baking).tick()
    assert asked(world) == {"rev2": 100, "rev1": 0}
    assert wish(world).match == ()
    assert world.lost == 0


def test_paused_keeps_a_candidate_where_it_is_and_off_the_clock() -> None:
    steps = (weight(5), pause("2s"), weight(50), pause("2s"))
    world = until(on_trial(canary(*steps)), has(5))
    world.edit(canary(*steps, paused=True))
    world.tick()
    assert condition(world, "Reconciling") == ("True", "Paused")
    assert "spec.paused" in world.status.message
    world.tick(3600 * 24)
    world.edit(canary(*steps))
    world.settle(0.5)
    assert stable(world) == "2"


@pytest.mark.parametrize("step", range(6))
def test_steps_that_are_edited_at_any_step_hold_at_once(step: int) -> None:
    world = until(on_trial(canary(*THREE)), lambda world: bool(world.status.candidate) and at_step(world) == step)
    world.edit(canary(weight(1), pause("1s"), weight(10), pause("1s")))
    world.settle(0.5)
    assert stable(world) == "2"
    assert last(world).completion is Completion.PROMOTED
    assert world.status.attempt == 2
    assert world.lost == 0


def at_step(world: RolloutWorld) -> int:
    return world.status.candidate.step if world.status.candidate else -1


def test_a_share_that_is_edited_down_goes_down_even_when_pods_are_missing() -> None:
    world = until(on_trial(canary(weight(50), pause())), has(50))
    world.short = {"rev2"}
    world.tick()
    world.edit(canary(weight(5), pause()))
    until(world, has(5))


@pytest.mark.parametrize("step", range(7))
def test_a_newer_version_takes_its_place_at_any_step_when_no_gateway_pod_sends_to_it(step: int) -> None:
    world = until(on_trial(canary(*THREE, pause())), lambda world: at_step(world) == step)
    world.want("3")
    world.silent = {"gw-1"}
    for _ in range(5):
        world.tick()
    waits = step > 0
    assert (world.status.phase is Phase.ROLLING_BACK) is waits
    world.silent = set()
    until(world, lambda world: world.status.attempt == 3)
    assert last(world).completion is Completion.SUPERSEDED
    assert "version 3 took its place" in last(world).message
    world.edit(canary(*THREE)).settle(0.5)
    assert stable(world) == "3"
    assert world.workloads.keys() == {"rev3"}
    assert world.lost == 0


def test_the_alias_back_at_stable_ends_the_trial_and_nothing_is_refused() -> None:
    world = until(on_trial(canary(weight(50), pause())), has(50))
    world.want("1").settle(0.5)
    assert last(world).completion is Completion.SUPERSEDED
    assert world.status.refused is None
    assert world.status.phase is Phase.HEALTHY
    assert condition(world, "Stalled")[0] == "False"


def test_with_the_registry_away_a_trial_goes_on() -> None:
    world = until(on_trial(canary(*THREE)), has(5))
    world.target = _away()
    world.settle(0.5)
    assert stable(world) == "2"


def _away() -> Unresolved:
    return Unresolved(reason="RegistryAway", message="registry 'default' does not answer")


def test_with_the_status_lost_a_trial_begins_again_and_users_notice_nothing() -> None:
    world = until(on_trial(canary(*THREE)), has(25))
    world.lose_status()
    world.settle(0.5)
    assert stable(world) == "2"
    assert world.lost == 0


def test_with_the_status_lost_who_had_requests_keeps_its_pods_until_every_gateway_pod_has_a_new_split() -> None:
    world = until(on_trial(canary(*THREE)), has(25))
    world.lose_status()
    world.target = _away()
    world.silent = {"gw-1"}
    for _ in range(60):
        world.run_pass()
        world.let_time_pass(1)
    assert "rev2" in world.workloads
    world.silent = set()
    world.settle()
    assert world.workloads.keys() == {"rev1"}


def test_with_the_deployments_of_both_deleted_while_it_is_promoted_its_own_is_made_again() -> None:
    world = until(on_trial(canary()), lambda world: world.status.phase is Phase.PROMOTING)
    world.delete_workload("rev1")
    world.delete_workload("rev2")
    until(world, lambda world: world.status.phase is Phase.HEALTHY)
    assert stable(world) == "2"
    assert world.workloads["rev2"].replicas == 4
