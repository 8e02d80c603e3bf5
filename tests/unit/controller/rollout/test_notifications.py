"""Who is told of an attempt: each turn once, whatever passes do; nothing is lost, and what is given up is announced."""

from typing import Any

import pytest

from penstock_contracts.api.notify import LONGEST_MESSAGE, MOST_PENDING, NotificationReceiver, PendingNotification
from penstock_contracts.api.reasons import Reason
from penstock_contracts.base import evolve
from penstock_contracts.verbs import Verb
from penstock_controller.rollout.notification_view import NotificationAnswer, NotificationDelivery, NotificationView
from penstock_controller.rollout.notifications import LONGEST_WAIT
from penstock_testing.rollout_scenes import NO_GATES, canary, has, is_paused, on_trial, pause, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight


def receiver(name: str = "chat", severity: str = "info") -> dict[str, Any]:
    return {"name": name, "type": "slack", "secretRef": {"name": name}, "severity": severity}


def begun(*steps: dict[str, object], notify: list[dict[str, Any]] | None, **fields: Any) -> RolloutWorld:
    """Version 1 serves, of which everybody was told; version 2 is wanted."""
    given: dict[str, Any] = {} if notify is None else {"notify": notify}
    world = on_trial(canary(*(steps or (weight(50), pause("1s"))), analysis=NO_GATES, **given, **fields))
    world.status = evolve(world.status, notifications=None)
    return world


def pending(world: RolloutWorld) -> tuple[PendingNotification, ...]:
    return world.status.notifications.pending if world.status.notifications else ()


def events(world: RolloutWorld) -> list[str]:
    return [f"{item.event} {item.completion}".strip() for item in pending(world)]


def answer(world: RolloutWorld, delivery: NotificationDelivery, message: str = "", to: str = "chat") -> None:
    """What the next passes know of all that is under way."""
    answers = tuple(
        NotificationAnswer(id=item.id, to=to, delivery=delivery, message=message) for item in pending(world)
    )
    world.notified = NotificationView(defaults=world.notified.defaults, answers=answers)


def failures(world: RolloutWorld) -> list[str]:
    return [item.message for item in world.announcements if item.reason == Reason.NOTIFICATION_FAILED]


def test_an_attempt_is_told_when_it_begins_waits_for_a_person_and_ends() -> None:
    world = begun(weight(25), pause(), weight(50), pause("1s"), notify=[receiver()], bake="5s")
    until(world, is_paused)
    world.say(Verb.PROMOTE).settle()
    assert events(world) == ["Started", "Waiting", "Ended Promoted"]
    assert [item.severity for item in pending(world)] == ["info", "warn", "info"]
    assert {(item.attempt, item.version, item.to) for item in pending(world)} == {(2, "2", ("chat",))}
    assert [item.reason for item in pending(world)] == ["RolloutStarted", "Paused", "Promoted"]
    assert len({item.id for item in pending(world)}) == 3


def test_a_first_version_is_told_too() -> None:
    world = RolloutWorld(spec=canary(notify=[receiver()])).want("1").settle(0.2)
    assert events(world) == ["Started", "Ended Promoted"]


def test_a_person_s_abort_is_no_alarm_and_a_rollback_is() -> None:
    aborted = until(begun(weight(50), pause("5m"), notify=[receiver()]), has(50))
    aborted.say(Verb.ABORT).settle()
    assert (events(aborted)[-1], pending(aborted)[-1].severity) == ("Ended Aborted", "info")
    late = begun(notify=[receiver()], progressDeadline="10s")
    late.broken = {"rev2"}
    late.settle()
    assert (events(late)[-1], pending(late)[-1].severity) == ("Ended RolledBack", "error")
    assert pending(late)[-1].reason == "ProgressDeadlineExceeded"


@pytest.mark.parametrize(("severity", "told"), [("info", ["Started", "Waiting"]), ("warn", ["Waiting"]), ("error", [])])
def test_a_receiver_is_told_of_what_matters_enough_to_it(severity: str, told: list[str]) -> None:
    world = until(begun(weight(25), pause(), notify=[receiver(severity=severity)]), is_paused)
    assert events(world) == told


def test_passes_that_are_repeated_or_cut_short_tell_nothing_twice() -> None:
    world = begun(weight(25), pause(), notify=[receiver()])
    world.run_pass(killed_after=0)
    world.run_pass(overtaken=True)
    until(world, is_paused)
    for _ in range(5):
        world.run_pass()
        world.run_pass(killed_after=0)
    assert events(world) == ["Started", "Waiting"]


def test_pods_that_come_and_go_while_it_waits_are_not_told_as_waiting_again() -> None:
    world = until(begun(weight(25), pause(), notify=[receiver()]), is_paused)
    for _ in range(3):
        world.deleted = {"rev2"}
        world.workloads.pop("rev2")
        until(world, lambda now: not is_paused(now))
        world.deleted = set()
        until(world, is_paused)
    assert events(world) == ["Started", "Waiting"]


def test_a_person_who_pauses_again_after_resume_is_told_again_and_spec_paused_with_each_edit() -> None:
    world = until(begun(weight(50), pause("5m"), notify=[receiver("chat", "warn")]), has(50))
    world.say(Verb.PAUSE).tick()
    world.say(Verb.RESUME).tick()
    assert events(world) == ["Waiting"]
    for paused in (True, False, True):
        world.spec = evolve(world.spec, paused=paused)
        world.generation += 1
        world.tick()
    assert events(world) == ["Waiting"] * 3


def test_what_was_delivered_leaves_status_and_at_rest_nothing_is_left() -> None:
    world = begun(notify=[receiver(), receiver("pager")]).settle()
    answer(world, NotificationDelivery.DELIVERED)
    world.run_pass()
    assert {item.to for item in pending(world)} == {("pager",)}
    answer(world, NotificationDelivery.DELIVERED, to="pager")
    world.run_pass()
    assert world.status.notifications is None
    writes = world.writes
    world.run_pass()
    assert (world.writes, failures(world)) == (writes, [])


def test_one_that_is_refused_is_given_up_and_that_is_announced_once() -> None:
    world = begun(notify=[receiver()])
    until(world, lambda now: bool(pending(now)))
    answer(world, NotificationDelivery.FAILED, "it answers 410")
    world.run_pass()
    world.run_pass()
    (told,) = failures(world)
    assert told.startswith("'chat' was not told of attempt 2, version 2 (Started, ")
    assert told.endswith("): it answers 410")


def test_one_that_does_not_answer_is_tried_for_an_hour_and_then_given_up_with_its_last_words() -> None:
    world = until(begun(weight(50), pause("5m"), notify=[receiver()]), has(50))
    answer(world, NotificationDelivery.AWAY, "it answers 503")
    world.run_pass()
    assert (events(world), failures(world)) == (["Started"], [])
    old = evolve(pending(world)[0], at="2025-12-31T22:00:00.000Z")
    assert world.status.notifications
    world.status = evolve(world.status, notifications=evolve(world.status.notifications, pending=(old,)))
    world.run_pass()
    assert events(world) == []
    assert "it answers 503; it was tried since 2025-12-31T22:00:00.000Z" in failures(world)[0]
    assert LONGEST_WAIT == 3600


def test_a_controller_that_was_away_for_long_tries_before_it_gives_up() -> None:
    world = until(begun(weight(50), pause("5m"), notify=[receiver()]), has(50))
    old = evolve(pending(world)[0], at="2025-12-01T00:00:00.000Z")
    assert world.status.notifications
    world.status = evolve(world.status, notifications=evolve(world.status.notifications, pending=(old,)))
    world.run_pass()
    assert (events(world), failures(world)) == (["Started"], [])


def test_a_receiver_that_is_taken_from_the_spec_is_not_told_any_more_and_that_is_announced() -> None:
    world = until(begun(weight(50), pause("5m"), notify=[receiver(), receiver("pager")]), has(50))
    world.spec = evolve(world.spec, notify=world.spec.notify[:1] if world.spec.notify else ())
    world.run_pass()
    assert [item.to for item in pending(world)] == [("chat",)]
    assert "'pager' was not told" in failures(world)[0]
    assert "it is not named any more" in failures(world)[0]


def test_of_more_than_may_wait_the_oldest_are_given_up_and_announced() -> None:
    world = until(begun(weight(50), pause("5m"), notify=[receiver()]), has(50))
    for _ in range(MOST_PENDING + 1):
        world.say(Verb.PAUSE).tick()
        world.words.clear()
        world.say(Verb.RESUME).tick()
        world.words.clear()
        world.status = evolve(world.status, handled_commands={})
    assert len(pending(world)) == MOST_PENDING
    assert len(failures(world)) == 2
    assert "(Started, " in failures(world)[0]
    assert f"more than {MOST_PENDING} notifications wait" in failures(world)[0]


def test_the_administrator_s_receivers_are_those_of_a_resource_that_names_none() -> None:
    theirs = NotificationView(defaults=(NotificationReceiver.model_validate(receiver("ops")),))
    for notify, to in ((None, [("ops",)]), ([], []), ([receiver()], [("chat",)])):
        world = begun(weight(50), pause("5m"), notify=notify)
        world.notified = theirs
        until(world, has(50))
        assert [item.to for item in pending(world)] == to


def test_a_long_message_is_cut_to_what_status_takes() -> None:
    world = begun(notify=[receiver()], progressDeadline="10s")
    world.broken = {"rev2"}
    world.settle()
    assert all(len(item.message) <= LONGEST_MESSAGE for item in pending(world))
