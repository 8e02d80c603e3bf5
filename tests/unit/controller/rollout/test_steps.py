"""The arithmetic of steps."""

import pytest

from penstock_contracts.api.strategy import Strategy
from penstock_controller.rollout.steps import matches_of, setting_at, size_at, steps_of
from penstock_testing.rollout_scenes import Step, pause
from penstock_testing.strategies import mirror, replay, weight


def _strategy(*steps: Step) -> Strategy:
    return Strategy.model_validate({"canary": {"steps": list(steps)}})


SCALED = {"setCanaryScale": {"replicas": 6}}
HALF = {"setCanaryScale": {"weight": 50}}
AS_NEEDED = {"setCanaryScale": {"matchTrafficWeight": True}}


@pytest.mark.parametrize(
    ("steps", "index", "weights", "mirrored"),
    [
        ((), 0, 0, 0),
        ((weight(5), pause("1m"), weight(25)), 0, 5, 0),
        ((weight(5), pause("1m"), weight(25)), 1, 5, 0),
        ((weight(5), pause("1m"), weight(25)), 2, 25, 0),
        ((weight(5), pause("1m"), weight(25)), 9, 25, 0),
        ((mirror(100), pause("1m")), 1, 0, 100),
        ((mirror(100), weight(5)), 1, 5, 0),
        ((mirror(100), weight(0)), 1, 0, 100),
        ((weight(5), mirror(100)), 1, 5, 0),
        ((mirror(50), mirror(0)), 1, 0, 0),
        ((weight(50), weight(0)), 1, 0, 0),
    ],
)
def test_a_step_holds_what_the_steps_before_it_set(
    steps: tuple[Step, ...], index: int, weights: int, mirrored: int
) -> None:
    setting = setting_at(steps_of(_strategy(*steps)), index)
    assert (setting.weight, setting.mirror) == (weights, mirrored)


@pytest.mark.parametrize(
    ("steps", "requests"),
    [
        ((replay(300), pause("1m")), 300),
        ((replay(300), mirror(100)), 300),
        ((replay(300), replay(7)), 7),
        ((replay(300), weight(0)), 300),
        ((replay(300), weight(5)), None),
        ((weight(5), replay(300)), None),
        ((replay(300), weight(5), weight(0)), None),
    ],
)
def test_recorded_requests_are_answered_only_while_users_get_stable(
    steps: tuple[Step, ...], requests: int | None
) -> None:
    found = setting_at(steps_of(_strategy(*steps)), len(steps)).replay
    assert (found.max_requests if found else None) == requests


@pytest.mark.parametrize(
    ("steps", "index", "total", "pods"),
    [
        ((), 0, 4, 4),
        ((weight(5), pause("1m"), weight(50)), 0, 4, 2),
        ((weight(5), pause("1m"), weight(50)), 0, 1, 1),
        ((weight(5), pause("1m"), weight(50)), 1, 4, 2),
        ((weight(5), pause("1m"), weight(50)), 2, 4, 2),
        ((weight(5), pause("1m"), weight(50)), 3, 4, 4),
        ((weight(1),), 0, 1, 1),
        ((weight(26),), 0, 4, 2),
        ((weight(0), weight(0)), 0, 4, 2),
        ((mirror(1), weight(5)), 0, 4, 4),
        ((SCALED, weight(5)), 0, 4, 6),
        ((HALF, weight(5)), 0, 5, 3),
        ((SCALED, AS_NEEDED, weight(5)), 1, 4, 2),
        ((weight(75), {"setCanaryScale": {"replicas": 1}}, weight(75)), 1, 4, 3),
    ],
)
def test_pods_are_there_before_a_weight_asks_for_them(
    steps: tuple[Step, ...], index: int, total: int, pods: int
) -> None:
    assert size_at(steps_of(_strategy(*steps)), index, total) == pods


def test_who_names_no_steps_gets_5_25_50_with_pauses_of_a_minute() -> None:
    for strategy in (Strategy(), Strategy.model_validate({"canary": {}})):
        steps = steps_of(strategy)
        assert [step.set_weight for step in steps] == [5, None, 25, None, 50, None]
        assert {step.pause.duration for step in steps if step.pause} == {"1m"}


def test_blue_green_is_the_whole_size_then_a_preview_then_everything() -> None:
    strategy = Strategy.model_validate({"blueGreen": {"pause": {"duration": "5m"}}})
    steps = steps_of(strategy)
    assert [size_at(steps, index, 3) for index in range(3)] == [3, 3, 3]
    assert [setting_at(steps, index).weight for index in range(3)] == [0, 0, 100]
    assert steps[1].pause
    assert steps[1].pause.duration == "5m"
    assert [match.headers for match in matches_of(strategy)] == [{"x-preview": "always"}]
