"""Tries that do not come in the applied shares: told as a fault of the installation, and held against nobody."""

from penstock_contracts.api.reasons import Reason
from penstock_contracts.evidence import TryReason
from penstock_testing.rollout_scenes import canary, condition, error_rate, has, last, on_trial, pause, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight


def on_trial_at_half(sticky: str = "") -> RolloutWorld:
    fields: dict[str, object] = {"stickiness": {"header": sticky}} if sticky else {}
    world = on_trial(canary(weight(50), pause("30s"), bake="0s", analysis=error_rate(), **fields))
    world.requests = 200
    return until(world, has(50))


def lose_half_of_the_candidates_counts(world: RolloutWorld) -> None:
    """Each gateway pod forgets every second try of the candidate before it tells."""
    for counters in world.counters.values():
        counters.tries[2, "rev2", TryReason.USERS] -= 50


def types(world: RolloutWorld) -> set[str]:
    return {one.type for one in world.status.conditions}


def test_counts_that_are_lost_are_told_once_as_ours_and_the_version_is_promoted_all_the_same() -> None:
    world = on_trial_at_half()
    for _ in range(15):
        world.let_time_pass(1.0)
        lose_half_of_the_candidates_counts(world)
        world.run_pass()
    assert condition(world, "SharesObserved") == ("False", "SampleRatioMismatch")
    events = [told for told in world.announcements if told.reason == Reason.SAMPLE_RATIO_MISMATCH]
    assert [told.type for told in events] == ["Warning"]
    assert "does not count against the version" in events[0].message
    world.settle()
    assert last(world).completion == "Promoted"
    assert "SharesObserved" not in types(world)


def test_shares_that_are_right_need_no_condition() -> None:
    world = on_trial_at_half()
    for _ in range(20):
        world.tick()
    assert "SharesObserved" not in types(world)


def test_sticky_users_come_in_any_shares() -> None:
    world = on_trial_at_half(sticky="x-user")
    for _ in range(15):
        world.let_time_pass(1.0)
        lose_half_of_the_candidates_counts(world)
        world.run_pass()
    assert "SharesObserved" not in types(world)
