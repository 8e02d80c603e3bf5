"""How long an attempt is said to take, and how long it may wait, at the rate of requests that is seen."""

import pytest

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.strategy import Strategy
from penstock_contracts.base import evolve
from penstock_testing.rollout_scenes import canary, last, on_trial, stable
from penstock_testing.rollout_world import RolloutWorld

GATEWAYS = 2


def asked(per_second: float, tick: float = 10.0, **fields: object) -> RolloutWorld:
    """On trial with default gates and steps, at a rate of users' requests."""
    given: dict[str, object] = {"analysis": {"interval": "10s"}, **fields}
    wish = canary(bake="0s", **given)
    world = on_trial(evolve(wish, strategy=Strategy()))
    world.requests = round(per_second * tick / GATEWAYS)
    return world


def run(world: RolloutWorld, tick: float = 10.0) -> float:
    """Until nothing moves; answers the seconds that it took."""
    began = world.now
    for _ in range(5000):
        world.tick(tick)
        if world.status.candidate is None and world.status.attempt > 1:
            break
    return (world.now - began).total_seconds()


def forecasts(world: RolloutWorld) -> list[str]:
    return [told.message for told in world.announcements if told.reason == Reason.FORECAST]


@pytest.mark.parametrize("per_second", [4, 20, 200])
def test_a_good_version_is_promoted_at_any_rate_about_when_it_was_said(per_second: float) -> None:
    world = asked(per_second)
    for _ in range(6):
        world.tick(10.0)
    assert world.status.candidate
    forecast = world.status.candidate.forecast
    assert forecast
    assert forecast.requests_per_second == pytest.approx(per_second, rel=0.3)
    took = 60 + run(world)
    assert stable(world) == "2"
    assert 0.5 * took <= forecast.seconds <= 2 * took
    assert len(forecasts(world)) == 1


def test_a_slow_attempt_says_what_to_write() -> None:
    world = asked(1, tick=60.0)
    for _ in range(6):
        world.tick(60.0)
    (told,) = forecasts(world)
    assert "requests a second a good version takes about" in told
    assert "passMargin: {absolute: " in told
    assert "spec.analysis: {gates: []}" in told


def test_what_is_written_makes_it_as_short_as_it_was_said() -> None:
    slow = run(asked(1, tick=60.0), tick=60.0)
    margin = {"name": "error-rate", "passMargin": {"absolute": "2%"}}
    quick = run(asked(1, tick=60.0, analysis={"interval": "10s", "gates": [margin]}), tick=60.0)
    assert quick < slow


def test_nobody_asks_and_it_is_taken_back_after_ten_minutes_with_the_reason() -> None:
    world = asked(0)
    assert 600 <= run(world) <= 720
    assert last(world).reason == "ProgressDeadlineExceeded"
    assert "after 10m of waiting" in last(world).message
    assert "no request has reached it in this step: send some" in last(world).message
    assert forecasts(world) == []


def test_a_deadline_that_somebody_wrote_holds_whatever_the_rate() -> None:
    world = asked(4, progressDeadline="2m")
    run(world)
    assert last(world).reason == "ProgressDeadlineExceeded"
    assert "after 2m of waiting" in last(world).message
