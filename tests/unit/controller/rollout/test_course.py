"""Each step, pause, turn and way back of an attempt is told once, in order, with one reason."""

from penstock_contracts.verbs import Verb
from penstock_testing.rollout_scenes import NO_GATES, canary, has, is_paused, on_trial, pause, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight


def told(world: RolloutWorld) -> list[str]:
    return [announcement.reason for announcement in world.announcements]


def test_an_attempt_that_is_promoted_tells_each_step_its_pause_and_its_turns() -> None:
    world = on_trial(canary(weight(25), pause(), weight(50), pause("1s"), analysis=NO_GATES, bake="30s"))
    world.announcements.clear()
    until(world, is_paused)
    assert told(world) == ["RolloutStarted", "StepDone", "Paused"]
    assert "step 1 of 4 is done, 25 % of the requests" in world.announcements[1].message
    assert "waits for a person" in world.announcements[2].message
    world.say(Verb.PROMOTE).settle()
    after = ["CommandAccepted", "StepDone", "Resumed", "StepDone", "StepDone", "Promoting", "Baking", "Promoted"]
    assert told(world)[3:] == after


def test_a_way_back_is_told_when_it_begins_and_when_it_ends() -> None:
    world = until(on_trial(canary(weight(50), pause("5m"), analysis=NO_GATES)), has(50))
    world.announcements.clear()
    world.say(Verb.ABORT).settle()
    assert told(world) == ["CommandAccepted", "RollingBack", "Aborted"]


def test_a_person_who_pauses_and_resumes_is_told_both() -> None:
    world = until(on_trial(canary(weight(50), pause("5m"), analysis=NO_GATES)), has(50))
    world.announcements.clear()
    world.say(Verb.PAUSE).tick()
    world.say(Verb.RESUME).tick()
    assert told(world) == ["CommandAccepted", "Paused", "CommandAccepted", "Resumed"]


def test_a_pass_that_is_repeated_tells_nothing_twice() -> None:
    world = until(on_trial(canary(weight(50), pause("5m"), analysis=NO_GATES)), has(50))
    world.announcements.clear()
    for _ in range(5):
        world.run_pass()
    assert told(world) == []
