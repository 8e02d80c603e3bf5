"""Counters of gateway pods as text in status."""

import pytest

from penstock_contracts.evidence import TryReason
from penstock_controller.gates.evidence import TryCount
from penstock_controller.rollout.counters import Counters, counters_of, from_text, to_text, tries_between
from penstock_controller.rollout.observation import ArmTries, Reading

COUNTERS: Counters = {
    ("rev2", "users"): TryCount(tries=1200, failures=3, kinds={"503": 2, "timeout": 1}),
    ("rev1", "shadow"): TryCount(tries=40),
}


def test_what_is_written_is_read_back() -> None:
    assert to_text(COUNTERS) == "rev2 users 1200 3 503=2,timeout=1; rev1 shadow 40 0"
    assert from_text(to_text(COUNTERS)) == COUNTERS


def test_no_counters_are_no_text_and_no_text_is_no_counters() -> None:
    assert to_text({}) == ""
    assert from_text("") == {}


@pytest.mark.parametrize(
    "text", ["rev2", "rev2 users", "rev2 users many 0", "rev2 users 1 0 503", "a;b", "rev2 users 1 0 =x"]
)
def test_text_that_a_person_edited_is_none(text: str) -> None:
    assert from_text(text) is None


def test_rescues_are_left_out() -> None:
    tries = (
        ArmTries(revision="rev2", arm=TryReason.USERS, tries=5, failures=1, kinds={"500": 1}),
        ArmTries(revision="rev1", arm=TryReason.RESCUE, tries=1, failures=0),
    )
    assert counters_of(Reading(source="gw-0/1", tries=tries)).keys() == {("rev2", "users")}


def test_tries_between_two_readings_are_their_difference_over_the_arms() -> None:
    later: Counters = {
        ("rev2", "users"): TryCount(tries=1300, failures=4, kinds={"503": 3, "timeout": 1}),
        ("rev2", "shadow"): TryCount(tries=7),
    }
    found = tries_between(COUNTERS, later, "rev2", (TryReason.USERS, TryReason.SHADOW))
    assert found == TryCount(tries=107, failures=1, kinds={"503": 1})


def test_counters_that_went_back_are_no_tries() -> None:
    assert tries_between(COUNTERS, {("rev2", "users"): TryCount(tries=3)}, "rev2", (TryReason.USERS,)) == TryCount()
