"""The tag on a version: one for each resource, whole, and never too long."""

import json

import pytest

from penstock_contracts.api.registry_write import AttemptOutcome
from penstock_controller.outcome_tag import LONGEST, outcome_tag
from penstock_controller.ports import ResourceKey

KEY = ResourceKey("payments", "fraud")


def outcome(message: str = "version 2 serves all requests") -> AttemptOutcome:
    return AttemptOutcome(
        attempt=3, completion="Promoted", reason="Promoted", message=message, ended_at="2026-01-01T00:00:00Z"
    )


def test_it_says_how_the_attempt_ended_where_and_when() -> None:
    tag = outcome_tag("west", KEY, outcome())
    assert tag.key == "penstock.west.payments.fraud"
    assert json.loads(tag.value) == {
        "completion": "Promoted",
        "reason": "Promoted",
        "message": "version 2 serves all requests",
        "endedAt": "2026-01-01T00:00:00Z",
        "attempt": 3,
        "resource": "payments/fraud",
        "cluster": "west",
    }


def test_a_cluster_without_a_name_is_left_out() -> None:
    tag = outcome_tag("", KEY, outcome())
    assert tag.key == "penstock.payments.fraud"
    assert "cluster" not in json.loads(tag.value)


@pytest.mark.parametrize("letter", ["x", '"', "\x00", "ü"])
def test_a_long_message_is_cut_so_that_the_registry_takes_it(letter: str) -> None:
    tag = outcome_tag("west", KEY, outcome(letter * 2048))
    assert len(tag.value) <= LONGEST
    assert json.loads(tag.value)["message"].startswith(letter * 100)
