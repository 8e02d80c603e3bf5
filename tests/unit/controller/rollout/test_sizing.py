"""How many pods each revision keeps where the number follows the load."""

from dataclasses import replace
from typing import Any

import pytest

from penstock_contracts.base import evolve
from penstock_contracts.verbs import Verb
from penstock_controller.rollout.decision import RemoveAutoscaler, RestoreChild, ScaleWorkload, SetAutoscaler
from penstock_controller.rollout.observation import Autoscaler, Bounds, ChildKind, Difference
from penstock_testing.rollout_scenes import (
    NO_GATES,
    canary,
    condition,
    has,
    is_baking,
    is_paused,
    on_trial,
    pause,
    stable,
    until,
)
from penstock_testing.rollout_world import RolloutWorld, spec
from penstock_testing.strategies import mirror, weight

SCALED: dict[str, Any] = {"predictor": {"minReplicas": 2, "maxReplicas": 10}}
MINUTE = 61.0


def floors(world: RolloutWorld) -> dict[str, int]:
    """Revision to the number of pods that its autoscaler may not go below."""
    return {rev: one.autoscaler.bounds.floor for rev, one in world.workloads.items() if one.autoscaler}


def pods(world: RolloutWorld) -> dict[str, int]:
    return {revision: workload.replicas for revision, workload in world.workloads.items()}


def busy(world: RolloutWorld, load: float) -> RolloutWorld:
    """That load has lasted long enough to be known."""
    world.load = load
    world.tick()
    world.tick(MINUTE)
    return world


def measured(world: RolloutWorld, revision: str, utilization: int | None) -> None:
    """Its autoscaler has seen that, or nothing."""
    scaler = world.workloads[revision].autoscaler
    assert scaler
    world.workloads[revision] = replace(world.workloads[revision], autoscaler=replace(scaler, utilization=utilization))


def at_half(load: float = 3.5) -> RolloutWorld:
    """Stable keeps 4 pods busy, and half of the requests go to the candidate until a person says go on."""
    world = RolloutWorld(spec=canary(weight(50), pause(), bake="10m", **SCALED)).want("1").settle(0.2)
    busy(world, load).want("2")
    return until(world, lambda world: has(50)(world) and is_paused(world))


def test_at_rest_the_autoscaler_chooses_between_the_users_bounds_and_nothing_is_written() -> None:
    world = RolloutWorld(spec=spec(**SCALED)).want("1").settle()
    assert world.workloads["rev1"].autoscaler
    assert world.workloads["rev1"].autoscaler.bounds == Bounds(floor=2, ceiling=10, target=70)
    writes = world.writes
    world.actions.clear()
    busy(world, 5.0)
    assert pods(world) == {"rev1": 5}
    assert world.actions == []
    assert condition(world, "Reconciling") == ("False", "Settled")
    assert world.writes == writes


def test_pods_that_the_autoscaler_asked_for_and_that_do_not_start_are_told() -> None:
    world = RolloutWorld(spec=spec(**SCALED)).want("1").settle()
    world.short = {"rev1"}
    busy(world, 5.0)
    assert condition(world, "Reconciling") == ("True", "PodsNotReady")


def test_stable_may_not_fall_below_what_the_attempt_began_with() -> None:
    world = at_half()
    assert world.status.min_pods == 4
    assert floors(world)["rev1"] == 4
    world.load = 0.0
    for _ in range(100):
        world.tick()
    assert pods(world) == {"rev1": 4, "rev2": 4}


@pytest.mark.parametrize(
    ("step", "expected"),
    [(weight(25), 2), (weight(30), 2), (weight(75), 3), (weight(100), 4), (mirror(10), 4)],
    ids=str,
)
def test_the_candidates_floor_is_what_its_next_share_needs(step: dict[str, object], expected: int) -> None:
    world = RolloutWorld(spec=canary(step, pause(), weight(30), pause(), **SCALED)).want("1").settle(0.2)
    busy(world, 3.5).want("2")
    for _ in range(5):
        world.tick(0.2)
    assert floors(world) == {"rev1": 4, "rev2": expected}


def test_total_load_that_grows_raises_every_floor_though_each_version_sees_half_of_it() -> None:
    world = busy(at_half(), 7.6)
    assert world.status.min_pods == 8
    assert floors(world) == {"rev1": 8, "rev2": 8}
    world.load = 2.0
    for _ in range(5):
        world.tick(MINUTE)
    assert world.status.min_pods == 8


def test_no_floor_is_above_what_the_user_allows() -> None:
    world = busy(at_half(), 30.0)
    assert floors(world) == {"rev1": 10, "rev2": 10}
    world.edit(evolve(world.spec, predictor=evolve(world.spec.predictor, max_replicas=5)))
    world.tick()
    assert floors(world) == {"rev1": 5, "rev2": 5}


def test_load_that_is_only_a_tenth_more_changes_no_floor() -> None:
    assert busy(at_half(), 4.3).status.min_pods == 4


def test_what_was_used_under_other_weights_is_not_counted_on_two_versions() -> None:
    """For some seconds stable is still seen as busy as when it answered everything."""
    world = at_half(3.5)
    measured(world, "rev1", 140)
    world.run_pass()
    assert world.status.min_pods == 4


def test_pods_that_have_just_started_are_not_taken_for_as_busy_as_the_others() -> None:
    world = at_half(3.5)
    world.load = 7.6
    world.tick(MINUTE)
    world.tick()
    world.tick()
    assert world.status.min_pods == 8
    assert max(pods(world).values()) <= 8


def test_without_measurements_the_number_of_pods_is_what_is_known() -> None:
    world = at_half(3.5)
    for revision in ("rev1", "rev2"):
        measured(world, revision, None)
    world.now = world.now.replace(year=2027)
    world.run_pass()
    assert world.status.min_pods == 4


def test_copies_are_no_load_of_users() -> None:
    world = RolloutWorld(spec=canary(mirror(100), pause(), **SCALED)).want("1").settle(0.2)
    busy(world, 3.5).want("2")
    until(world, is_paused)
    measured(world, "rev2", 300)
    world.now = world.now.replace(year=2027)
    world.run_pass()
    assert world.status.min_pods == 4


def in_the_bake() -> RolloutWorld:
    world = at_half()
    candidate = world.status.candidate
    assert candidate
    world.words[Verb.PROMOTE] = f"{candidate.attempt}/{candidate.step}"
    return until(world, is_baking)


def test_in_the_bake_both_keep_the_full_floor_which_grows_with_what_stable_uses() -> None:
    world = in_the_bake()
    world.tick()
    assert floors(world) == {"rev1": 4, "rev2": 4}
    busy(world, 7.6).tick()
    assert floors(world) == {"rev1": 8, "rev2": 8}


def test_when_the_attempt_ends_the_floor_is_the_users_again() -> None:
    world = busy(in_the_bake(), 7.6)
    for _ in range(15):
        world.tick(MINUTE)
    assert (stable(world), world.status.min_pods) == ("2", None)
    assert floors(world) == {"rev2": 2}
    assert pods(world) == {"rev2": 8}


def test_after_a_rollback_in_the_bake_too() -> None:
    wish = canary(weight(50), pause(), bake="10m", **(SCALED | {"analysis": {"interval": "1s"}}))
    world = RolloutWorld(spec=wish).want("1").settle(0.2)
    busy(world, 3.5).want("2")
    until(world, is_paused)
    for _ in range(20):
        world.tick()
    candidate = world.status.candidate
    assert candidate
    world.words[Verb.PROMOTE] = f"{candidate.attempt}/{candidate.step}"
    until(world, is_baking, seconds=1.0)
    world.tick()
    world.failing = {"rev2": 0.9}
    until(world, lambda world: stable(world) == "1", seconds=1.0)
    assert world.status.min_pods == 4
    until(world, lambda world: not world.status.candidate)
    world.settle()
    assert floors(world) == {"rev1": 2}


def test_more_pods_for_the_candidate_than_the_user_allows_are_not_waited_for() -> None:
    steps: tuple[dict[str, object], ...] = ({"setCanaryScale": {"replicas": 50}}, weight(50), pause())
    world = on_trial(canary(*steps, analysis=NO_GATES, **SCALED))
    until(world, has(50))
    assert floors(world)["rev2"] == 10


def test_an_autoscaler_that_is_switched_on_takes_the_pods_as_they_are() -> None:
    world = RolloutWorld(spec=spec(predictor={"minReplicas": 3})).want("1").settle()
    world.load = 2.5
    world.actions.clear()
    world.edit(spec(predictor={"minReplicas": 3, "maxReplicas": 5})).settle()
    assert world.actions == [SetAutoscaler(revision="rev1", bounds=Bounds(floor=3, ceiling=5, target=70))]
    assert pods(world) == {"rev1": 3}
    assert world.status.attempt == 1


def test_one_that_is_switched_off_leaves_before_the_users_number_is_set() -> None:
    world = busy(RolloutWorld(spec=spec(**SCALED)).want("1").settle(), 5.0)
    world.actions.clear()
    world.edit(spec(predictor={"minReplicas": 2})).settle()
    assert world.actions == [RemoveAutoscaler(revision="rev1"), ScaleWorkload(revision="rev1", replicas=2)]


def test_one_that_is_switched_off_in_an_attempt_leaves_the_pods_until_its_end() -> None:
    world = at_half()
    predictor = evolve(world.spec.predictor, max_replicas=None)
    world.edit(evolve(world.spec, predictor=predictor))
    for _ in range(5):
        world.tick()
    assert (pods(world), floors(world)) == ({"rev1": 4, "rev2": 4}, {})


def test_an_autoscaler_that_is_deleted_or_edited_is_made_again() -> None:
    world = RolloutWorld(spec=spec(**SCALED)).want("1").settle()
    bounds = Bounds(floor=2, ceiling=10, target=70)
    for edited in (None, Autoscaler(bounds=Bounds(floor=1, ceiling=3, target=70))):
        world.workloads["rev1"] = replace(world.workloads["rev1"], autoscaler=edited)
        assert world.run_pass().actions == (SetAutoscaler(revision="rev1", bounds=bounds),)


def test_a_budget_that_is_deleted_is_made_again() -> None:
    world = RolloutWorld().want("1").settle()
    world.change("rev1", lambda each: replace(each, differences=(Difference(kind=ChildKind.BUDGET),)))
    assert world.run_pass().actions == (RestoreChild(revision="rev1", kind=ChildKind.BUDGET),)
    assert world.run_pass().actions == ()


def test_a_deployment_that_somebody_scaled_to_nothing_is_brought_back() -> None:
    """An autoscaler looks away from it, for ever."""
    world = RolloutWorld(spec=spec(**SCALED)).want("1").settle()
    world.change("rev1", lambda each: replace(each, replicas=0))
    assert world.run_pass().actions == (ScaleWorkload(revision="rev1", replicas=2),)
