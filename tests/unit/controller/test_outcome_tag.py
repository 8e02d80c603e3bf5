"""The tag on a version: one for each resource, whole, and never too long."""

import json

import pytest

from penstock_contracts.api.registry_write import AttemptOutcome, GateOutcome, NamedNumbers
from penstock_contracts.base import evolve
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


def gate(name: str, verdict: str = "pass", figures: int = 2) -> GateOutcome:
    return GateOutcome(
        gate=name,
        stage="trial",
        verdict=verdict,
        samples=612,
        figures=tuple(NamedNumbers(name=f"figure {number}", numbers=(612, 1871)) for number in range(figures)),
        bounds=(NamedNumbers(name="odds of harm", numbers=(0.41, 200.0)),),
    )


def test_it_says_of_each_gate_what_it_said_and_by_which_numbers() -> None:
    tag = outcome_tag("", KEY, evolve(outcome(), gates=(gate("error-rate"),)))
    assert json.loads(tag.value)["gates"] == [
        {
            "gate": "error-rate",
            "stage": "trial",
            "verdict": "pass",
            "samples": 612,
            "figures": {"figure 0": [612, 1871], "figure 1": [612, 1871]},
            "bounds": {"odds of harm": [0.41, 200.0]},
        }
    ]


def test_where_there_is_no_room_for_all_numbers_those_of_the_last_gates_go_first_and_all_verdicts_stay() -> None:
    gates = (gate("query/first", "fail", 8), *(gate(f"query/{'x' * 57}", figures=8) for _ in range(16)))
    tag = outcome_tag("", KEY, evolve(outcome("m" * 500), gates=gates))
    assert len(tag.value) <= LONGEST
    shown = json.loads(tag.value)
    assert shown["message"] == "m" * 500
    assert [one["verdict"] for one in shown["gates"]] == ["fail"] + ["pass"] * 16
    has_numbers = ["figures" in one for one in shown["gates"]]
    assert has_numbers == sorted(has_numbers, reverse=True)
    assert has_numbers[0]


@pytest.mark.parametrize("letter", ["x", "\x00"])
def test_whatever_there_is_to_say_the_registry_takes_it(letter: str) -> None:
    gates = tuple(gate("g" * 128, figures=8) for _ in range(32))
    tag = outcome_tag("west", KEY, evolve(outcome(letter * 2048), gates=gates))
    assert len(tag.value) <= LONGEST
    assert json.loads(tag.value)["message"].startswith(letter * 100)
