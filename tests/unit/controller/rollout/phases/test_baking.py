"""The time after a promotion, in which the version before stays warm."""

import pytest

from penstock_contracts.api.status import Completion, Phase
from penstock_controller.rollout.decision import CreateWorkload, ForgetPromotion, MarkPromoted
from penstock_testing.rollout_scenes import (
    asked,
    canary,
    condition,
    error_rate,
    is_baking,
    last,
    on_trial,
    pause,
    stable,
    until,
    wish,
)
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import mirror, weight

STEPS = (weight(50), pause("2s"))


def _baking(bake: str = "5m") -> RolloutWorld:
    world = until(on_trial(canary(*STEPS, bake=bake, analysis=error_rate())), is_baking)
    world.tick()
    return world


def test_the_version_before_stays_at_full_size_with_copies_and_repeats_what_fails() -> None:
    world = _baking()
    assert stable(world) == "2"
    assert world.workloads["rev1"].replicas == world.workloads["rev2"].replicas == 4
    assert asked(world) == {"rev2": 100, "rev1": 0}
    split = wish(world)
    assert split.mirror
    assert (split.rescue, split.mirror.revision, split.mirror.percentage) == ("rev1", "rev1", 20)
    assert condition(world, "Reconciling") == ("True", "Baking")
    assert condition(world, "Ready") == ("True", "Serving")


def test_both_get_as_many_pods_as_the_user_asks_for_meanwhile() -> None:
    world = _baking()
    world.edit(canary(*STEPS, bake="5m", analysis=error_rate(), predictor={"minReplicas": 5}))
    world.tick()
    assert {name: workload.replicas for name, workload in world.workloads.items()} == {"rev1": 5, "rev2": 5}


def test_after_the_bake_the_attempt_ends_and_the_version_before_leaves() -> None:
    world = _baking("30s")
    assert not [told for told in world.announcements if told.completion]
    world.settle()
    assert last(world).completion is Completion.PROMOTED
    assert [gate.stage for gate in last(world).gates] == ["preflight", "trial", "bake"]
    assert [told.completion for told in world.announcements if told.completion] == ["Promoted"]
    assert world.workloads.keys() == {"rev2"}
    assert (wish(world).rescue, wish(world).mirror) == (None, None)
    assert world.status.phase is Phase.HEALTHY


def test_without_a_bake_the_attempt_ends_with_the_promotion() -> None:
    world = on_trial(canary(*STEPS, bake="0s"))
    until(world, lambda world: stable(world) == "2")
    assert not is_baking(world)
    assert last(world).completion is Completion.PROMOTED


def test_a_bake_that_is_edited_to_nothing_ends() -> None:
    world = _baking()
    world.edit(canary(*STEPS, bake="0s")).settle()
    assert world.status.phase is Phase.HEALTHY
    assert last(world).completion is Completion.PROMOTED


def test_a_failure_in_the_bake_goes_back_and_no_user_sees_it() -> None:
    world = _baking()
    world.failing = {"rev2": 0.9}
    world.settle()
    assert stable(world) == "1"
    assert (last(world).completion, last(world).reason) == (Completion.ROLLED_BACK, "GateFailed")
    assert last(world).message.startswith("in the bake, error-rate: ")
    assert ForgetPromotion(revision="rev2") in world.actions
    assert [told.completion for told in world.announcements if told.completion] == ["RolledBack"]
    assert world.workloads.keys() == {"rev1"}
    assert world.lost == 0
    assert condition(world, "Stalled") == ("True", "RolledBack")


def test_a_version_that_failed_in_the_bake_is_not_tried_again() -> None:
    world = _baking()
    world.failing = {"rev2": 0.9}
    world.settle()
    world.failing = {}
    world.settle()
    assert (stable(world), world.status.attempt) == ("1", 2)


def test_a_failure_in_the_bake_does_not_go_back_to_a_version_without_a_pod_until_it_has_one() -> None:
    world = _baking()
    world.broken = {"rev1"}
    world.failing = {"rev2": 0.9}
    for _ in range(30):
        world.tick()
    assert (stable(world), asked(world)) == ("2", {"rev2": 100, "rev1": 0})
    world.broken = set()
    world.settle()
    assert stable(world) == "1"


def test_an_alias_moved_back_in_the_bake_waits_for_a_pod_to_go_back_to() -> None:
    world = _baking()
    world.broken = {"rev1"}
    world.tick()
    world.want("1")
    for _ in range(10):
        world.tick()
    assert (stable(world), is_baking(world)) == ("2", True)
    world.broken = set()
    world.settle()
    assert (stable(world), last(world).completion) == ("1", Completion.SUPERSEDED)


def test_going_back_makes_no_new_pod() -> None:
    world = _baking()
    world.actions.clear()
    world.failing = {"rev2": 0.9}
    world.settle()
    assert not [action for action in world.actions if isinstance(action, CreateWorkload)]


def test_stable_without_a_ready_pod_for_two_intervals_goes_back() -> None:
    world = _baking()
    world.requests = 0
    world.broken = {"rev2"}
    world.settle()
    assert last(world).reason == "CandidateUnavailable"
    assert stable(world) == "1"


def test_an_outage_of_both_blames_neither() -> None:
    world = _baking("1m")
    world.requests = 0
    world.broken = {"rev1", "rev2"}
    for _ in range(20):
        world.tick()
    assert is_baking(world)
    world.broken = set()
    world.settle()
    assert last(world).completion is Completion.PROMOTED


def test_the_alias_moved_back_in_the_bake_goes_back_at_once() -> None:
    world = _baking()
    world.want("1")
    world.tick()
    assert asked(world) == {"rev1": 100, "rev2": 0}
    world.settle()
    assert stable(world) == "1"
    assert last(world).completion is Completion.SUPERSEDED
    assert world.status.refused is None
    assert world.lost == 0


def test_the_alias_moved_back_right_after_the_bake_gets_no_copy_while_a_gateway_pod_is_behind() -> None:
    # That pod still copies to it and repeats on it, by the split of the bake: it is not introduced for all that.
    world = _baking()
    world.edit(canary(mirror(50), pause(), bake="5m"))
    world.let_time_pass(300)
    world.run_pass()
    assert last(world).completion is Completion.PROMOTED
    world.want("1")
    world.silent = {"gw-0"}
    for _ in range(5):
        world.tick(0.2)
        assert wish(world).mirror is None
    world.silent = set()
    until(world, lambda world: wish(world).mirror is not None)


def test_a_newer_version_ends_the_bake_early_as_promoted_and_starts() -> None:
    world = _baking()
    world.want("3")
    world.tick()
    assert last(world).completion is Completion.PROMOTED
    assert "its bake ended early because version 3 is wanted" in last(world).message
    until(world, lambda world: stable(world) == "3")
    assert world.lost == 0


def test_with_the_status_lost_in_the_bake_the_newer_one_is_adopted() -> None:
    world = _baking()
    world.lose_status()
    world.run_pass()
    assert stable(world) == "2"
    world.settle()
    assert world.workloads.keys() == {"rev2"}
    assert world.lost == 0


def test_with_the_status_lost_after_a_failed_bake_the_version_before_is_adopted() -> None:
    world = _baking()
    world.failing = {"rev2": 0.9}
    until(world, lambda world: world.status.phase is Phase.ROLLING_BACK)
    world.lose_status()
    world.run_pass()
    assert stable(world) == "1"


def test_what_was_promoted_is_marked_with_its_attempt() -> None:
    world = _baking()
    assert MarkPromoted(revision="rev2", attempt=2) in world.actions
    assert world.workloads["rev2"].promoted_attempt == 2


def _one_pass(world: RolloutWorld, fails_when: str, *, killed_after: int | None = None) -> None:
    world.let_time_pass(0.5)
    if (fails_when == "on trial" and asked(world).get("rev2")) or (fails_when == "in the bake" and is_baking(world)):
        world.failing = {"rev2": 0.9}
    world.run_pass(killed_after=killed_after)


@pytest.mark.parametrize("fails_when", ["never", "on trial", "in the bake"])
def test_killed_after_each_of_its_writes_a_rollout_ends_in_the_same_state(fails_when: str) -> None:
    whole = on_trial(canary(*STEPS, bake="4s", analysis=error_rate()))
    killed = []
    for _ in range(80):
        before, writes, actions = whole.branch(), whole.writes, len(whole.actions)
        _one_pass(whole, fails_when)
        for survived in range(len(whole.actions) - actions + whole.writes - writes):
            killed.append(before.branch())
            _one_pass(killed[-1], fails_when, killed_after=survived)
    assert len(killed) > 10
    for world in killed:
        for _ in range(80):
            _one_pass(world, fails_when)
        assert _end(world) == _end(whole)


def _end(world: RolloutWorld) -> tuple[object, ...]:
    return (
        stable(world),
        world.status.phase,
        sorted(world.workloads),
        asked(world),
        [(record.attempt, record.completion, record.reason) for record in world.status.history],
        world.lost,
    )
