"""Whose attempt with other predictor pods may begin."""

from dataclasses import replace

from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.slots import SlotState
from penstock_controller.turns import Turns

KEYS = [ResourceKey("ns", f"m{number}") for number in range(6)]
AT_REST = SlotState(on_trial=False)
ON_TRIAL = SlotState(on_trial=True)


def of(limit: int, *, woken: list[ResourceKey] | None = None, seen: int = len(KEYS)) -> Turns:
    """The controller knows of all resources, and has looked at the first `seen`."""
    turns = Turns(limit, (woken if woken is not None else []).append)
    turns.expect(KEYS)
    for key in KEYS[:seen]:
        turns.note(key, AT_REST)
    if woken is not None:
        woken.clear()
    return turns


def asked(turns: Turns, *keys: ResourceKey) -> list[bool]:
    """Which may begin."""
    return [turns.ask(key, wants=True) == "" for key in keys]


def test_as_many_begin_as_there_are_turns_in_the_order_in_which_they_ask() -> None:
    assert asked(of(2), *KEYS) == [True, True, False, False, False, False]


def test_a_turn_is_taken_before_the_pass_that_asked_has_ended() -> None:
    turns = of(1)
    assert asked(turns, KEYS[0], KEYS[1], KEYS[0]) == [True, False, True]


def test_the_next_in_line_is_woken_when_an_attempt_ends_and_nobody_else() -> None:
    woken: list[ResourceKey] = []
    turns = of(1, woken=woken)
    asked(turns, *KEYS)
    turns.note(KEYS[0], ON_TRIAL)
    assert woken == []
    turns.note(KEYS[0], AT_REST)
    assert woken == [KEYS[1]]
    assert asked(turns, KEYS[5], KEYS[1], KEYS[2]) == [False, True, False]


def test_attempts_that_users_asked_for_count() -> None:
    turns = of(2)
    turns.note(KEYS[4], ON_TRIAL)
    turns.note(KEYS[5], ON_TRIAL)
    assert asked(turns, *KEYS[:2]) == [False, False]


def test_a_turn_that_was_not_used_goes_back() -> None:
    turns = of(1)
    asked(turns, KEYS[0])
    turns.note(KEYS[0], AT_REST)
    assert asked(turns, KEYS[1]) == [True]


def test_who_wants_none_any_more_leaves_the_line() -> None:
    turns = of(1)
    asked(turns, *KEYS[:3])
    turns.note(KEYS[0], ON_TRIAL)
    assert turns.ask(KEYS[1], wants=False) == ""
    turns.note(KEYS[0], AT_REST)
    assert asked(turns, KEYS[2]) == [True]


def test_after_a_start_nobody_begins_before_all_have_been_seen() -> None:
    woken: list[ResourceKey] = []
    turns = of(5, woken=woken, seen=4)
    assert "has just started" in turns.ask(KEYS[0], wants=True)
    turns.note(KEYS[4], ON_TRIAL)
    turns.forget(KEYS[5])
    assert set(woken) == {KEYS[0]}
    assert asked(turns, KEYS[0]) == [True]


def test_the_last_one_that_is_looked_at_may_begin_itself() -> None:
    assert asked(of(1, seen=5), KEYS[5]) == [True]


def test_before_it_is_known_which_there_are_nobody_begins() -> None:
    assert "has just started" in Turns(1, lambda _: None).ask(KEYS[0], wants=True)


def test_a_resource_that_cannot_be_read_does_not_hold_up_the_others() -> None:
    turns = of(1, seen=5)
    turns.skip(KEYS[5])
    assert asked(turns, KEYS[0]) == [True]


def test_one_that_cannot_be_read_any_more_leaves_the_line() -> None:
    woken: list[ResourceKey] = []
    turns = of(1, woken=woken)
    asked(turns, *KEYS[:3])
    turns.skip(KEYS[1])
    turns.note(KEYS[0], AT_REST)
    assert woken == [KEYS[2]]
    assert asked(turns, KEYS[2]) == [True]


def test_all_that_were_there_at_the_start_are_looked_at_also_those_of_which_no_event_comes() -> None:
    woken: list[ResourceKey] = []
    turns = Turns(1, woken.append)
    turns.note(KEYS[0], AT_REST)
    turns.expect(KEYS[:2])
    assert woken == [KEYS[1]]
    turns.forget(KEYS[1])
    assert asked(turns, KEYS[0]) == [True]


def test_where_one_failed_the_others_wait_and_say_where_and_why() -> None:
    woken: list[ResourceKey] = []
    turns = of(1, woken=woken)
    asked(turns, *KEYS[:3])
    turns.note(KEYS[0], ON_TRIAL)
    turns.note(KEYS[0], SlotState(on_trial=False, failure="0 of 1 pods are ready"))
    assert woken == KEYS[1:3]
    why = turns.ask(KEYS[1], wants=True)
    assert "ns/m0" in why
    assert "0 of 1 pods are ready" in why


def test_when_the_failure_is_over_they_go_on() -> None:
    woken: list[ResourceKey] = []
    turns = of(1, woken=woken)
    turns.note(KEYS[0], SlotState(on_trial=False, failure="no pod"))
    asked(turns, *KEYS[1:3])
    woken.clear()
    turns.note(KEYS[0], AT_REST)
    assert woken == KEYS[1:3]
    assert asked(turns, *KEYS[1:3]) == [True, False]


def test_a_failure_goes_with_its_resource() -> None:
    turns = of(1)
    turns.note(KEYS[0], SlotState(on_trial=False, failure="no pod"))
    assert asked(turns, KEYS[1]) == [False]
    turns.forget(KEYS[0])
    assert asked(turns, KEYS[1]) == [True]


def failed(at: int) -> SlotState:
    """Such pods failed, at that second."""
    return SlotState(on_trial=False, failure="no pod", failed_at=f"2026-01-01T00:00:{at:02}Z")


def passed(at: int) -> SlotState:
    """Where they had failed they served, at that second."""
    return SlotState(on_trial=False, passed_at=f"2026-01-01T00:00:{at:02}Z")


def again(standing: SlotState) -> SlotState:
    """A retry is under way."""
    return replace(standing, on_trial=True)


def test_while_a_retry_is_under_way_the_others_go_on_waiting_and_say_so() -> None:
    woken: list[ResourceKey] = []
    turns = of(3, woken=woken)
    turns.note(KEYS[0], failed(1))
    rests = turns.ask(KEYS[1], wants=True)
    woken.clear()
    turns.note(KEYS[0], again(failed(1)))
    assert woken == [KEYS[1]]
    assert turns.ask(KEYS[1], wants=True) == "waits: such pods failed on ns/m0 (no pod), and are tried there again"
    turns.note(KEYS[0], failed(2))
    assert turns.ask(KEYS[1], wants=True) == rests


def test_one_retry_that_succeeded_lets_the_others_go_on_also_where_another_still_refuses() -> None:
    woken: list[ResourceKey] = []
    turns = of(3, woken=woken)
    for key in KEYS[:2]:
        turns.note(key, failed(1))
    asked(turns, *KEYS[2:])
    turns.note(KEYS[0], again(failed(1)))
    woken.clear()
    turns.note(KEYS[0], passed(5))
    assert woken == KEYS[2:]
    assert asked(turns, *KEYS[2:]) == [True, True, True, False]


def test_where_they_fail_after_they_had_passed_the_others_wait_again() -> None:
    turns = of(3)
    turns.note(KEYS[0], passed(5))
    turns.note(KEYS[1], failed(6))
    assert asked(turns, KEYS[2]) == [False]


def test_a_retry_of_one_that_holds_nobody_up_holds_nobody_up() -> None:
    turns = of(3)
    turns.note(KEYS[0], passed(5))
    turns.note(KEYS[1], again(failed(1)))
    assert asked(turns, KEYS[2]) == [True]


def test_after_a_restart_a_retry_under_way_holds_the_others() -> None:
    turns = of(3, seen=0)
    for key in KEYS[1:]:
        turns.note(key, AT_REST)
    turns.note(KEYS[0], again(failed(1)))
    assert asked(turns, KEYS[1]) == [False]


def test_when_the_resource_is_deleted_during_its_retry_the_others_go_on() -> None:
    woken: list[ResourceKey] = []
    turns = of(1, woken=woken)
    turns.note(KEYS[0], again(failed(1)))
    asked(turns, *KEYS[1:3])
    woken.clear()
    turns.forget(KEYS[0])
    assert woken == KEYS[1:3]
    assert asked(turns, KEYS[1]) == [True]


def test_why_one_waits_does_not_change_with_what_others_do() -> None:
    """At rest a waiting resource writes nothing."""
    turns = of(2)
    asked(turns, *KEYS)
    before = turns.ask(KEYS[5], wants=True)
    turns.note(KEYS[0], ON_TRIAL)
    turns.note(KEYS[0], AT_REST)
    asked(turns, KEYS[2])
    assert turns.ask(KEYS[5], wants=True) == before
