"""A clock that jumps promotes nothing and ends nothing (invariant 14), and leaves nothing deaf."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from penstock_contracts.base import evolve
from penstock_controller.rollout import reading_times
from penstock_controller.rollout.engine import advance
from penstock_controller.steady_clock import SteadyClock
from penstock_testing.rollout_scenes import canary, condition, error_rate, has, is_baking, on_trial, pause, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

HOUR = timedelta(hours=1)
JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR, timedelta(days=400)], ids=str)


def restarted(world: RolloutWorld, jump: timedelta) -> None:
    """Another process, on a machine whose clock differs, makes one pass."""
    world.now += jump
    world.skew += jump
    decision = advance(world.spec, world.status, replace(world.observe(), resumed=True))
    world.status = decision.status


def passes_until(world: RolloutWorld, reached: Callable[[RolloutWorld], bool]) -> int:
    """Passes of a second each."""
    for passed in range(200):
        if reached(world):
            return passed
        world.tick(1.0)
    raise AssertionError(world.status.message)


def test_within_a_process_the_wall_clock_is_asked_once() -> None:
    wall = [datetime(2026, 1, 1, tzinfo=UTC)]
    monotonic = [50.0]
    clock = SteadyClock(lambda: wall[0], lambda: monotonic[0])
    wall[0] += HOUR
    monotonic[0] += 8.0
    assert clock() == datetime(2026, 1, 1, 0, 0, 8, tzinfo=UTC)


@JUMPS
def test_a_pause_lasts_as_long_as_it_would_have(jump: timedelta) -> None:
    world = until(on_trial(canary(weight(50), pause("60s"), weight(60), pause())), has(50))
    for _ in range(20):
        world.tick(1.0)
    restarted(world, jump)
    left = passes_until(world, lambda world: bool(world.status.candidate and world.status.candidate.step == 2))
    assert 38 <= left <= 45


@JUMPS
def test_a_bake_lasts_as_long_as_it_would_have(jump: timedelta) -> None:
    world = until(on_trial(canary(bake="60s")), is_baking)
    for _ in range(20):
        world.tick(1.0)
    restarted(world, jump)
    assert is_baking(world)
    assert 38 <= passes_until(world, lambda world: not is_baking(world)) <= 45


@JUMPS
def test_the_deadline_runs_on_from_where_it_was(jump: timedelta) -> None:
    """Its pods never get ready: nothing but the deadline ends it, and not at once."""
    world = on_trial(canary(weight(50), progressDeadline="30s"))
    world.broken = {"rev2"}
    for _ in range(10):
        world.tick(1.0)
    restarted(world, jump)
    assert world.status.candidate
    assert 15 <= passes_until(world, lambda world: world.status.candidate is None) <= 35


@JUMPS
def test_gates_hear_a_failing_candidate_soon_after(jump: timedelta) -> None:
    analysis = error_rate(margin={"absolute": "1%"})
    world = until(on_trial(canary(weight(50), pause("10m"), analysis=analysis)), has(50))
    world.tick(2.0)
    restarted(world, jump)
    world.failing = {"rev2": 0.9}
    assert passes_until(world, lambda world: world.status.candidate is None) <= 6
    assert condition(world, "Stalled") == ("True", "RolledBack")


@JUMPS
def test_a_version_that_leaves_keeps_its_time_to_drain(jump: timedelta) -> None:
    world = on_trial(canary())
    until(world, lambda world: any(item.unrouted_at for item in world.status.retiring))
    restarted(world, jump)
    assert [item.revision for item in world.status.retiring] == ["rev1"]
    assert "rev1" in world.workloads
    assert passes_until(world, lambda world: "rev1" not in world.workloads) <= 20


def test_a_stamp_from_the_future_means_now_in_every_pass() -> None:
    world = until(on_trial(canary(weight(50), pause("10m"), analysis=error_rate())), has(50))
    world.tick(1.0)
    assert world.status.evidence
    ahead = evolve(world.status.evidence, taken_at="2026-01-01T09:00:00.000Z")
    world.status = evolve(world.status, evidence=ahead)
    world.tick(1.0)
    world.tick(1.0)
    assert reading_times.next_due(world.spec, world.status, world.now) is not None
    assert world.status.evidence
    assert world.status.evidence.taken_at < "2026-01-01T01:00:00"


def test_a_restart_at_rest_writes_nothing() -> None:
    world = RolloutWorld(spec=canary()).want("1").settle()
    before = world.status
    restarted(world, HOUR)
    assert world.status == before
