"""The gate `webhook`: from a service's answer to a verdict, one scenario in each row."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from penstock_contracts.api.analysis import Analysis
from penstock_contracts.verdict import Verdict
from penstock_controller.adapters.check_answer import LONGEST_MESSAGE, MOST_FIGURES, check_answer
from penstock_controller.gates.catalogue import gates_of
from penstock_controller.gates.evidence import Evidence
from penstock_controller.gates.gate import Gate, GateMemory, Judgement, StepConditions
from penstock_controller.gates.looks import LookAnswer, OutsideLook, OutsideLooks, Unanswered
from penstock_testing.rollout_world import spec

PASS, FAIL, INCONCLUSIVE, ERROR = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR


@dataclass(frozen=True)
class CheckRow:
    """What a service answers, and what is said of it."""

    scenario: str
    content: Any
    verdict: Verdict
    told: str = ""
    status: int = 200


ROWS = (
    CheckRow("it passes", {"verdict": "pass"}, PASS, "the service says pass"),
    CheckRow("it fails, and says why", {"verdict": "fail", "message": "p95 is 3 s"}, FAIL, "fail: p95 is 3 s"),
    CheckRow("it does not know yet", {"verdict": "inconclusive"}, INCONCLUSIVE, "says inconclusive"),
    CheckRow("created is a success, too", {"verdict": "pass"}, PASS, status=201),
    CheckRow("fields that are not known", {"verdict": "pass", "build": 7}, PASS),
    CheckRow("the fourth verdict is not a service's to say", {"verdict": "error"}, ERROR, "no verdict of pass, fail"),
    CheckRow("a verdict in capitals", {"verdict": "PASS"}, ERROR, "no verdict"),
    CheckRow("a verdict that is true", {"verdict": True}, ERROR, "no verdict"),
    CheckRow("a verdict that is a list", {"verdict": ["pass"]}, ERROR, "no verdict"),
    CheckRow("no verdict", {"status": "ok"}, ERROR, "no verdict"),
    CheckRow("a list", ["pass"], ERROR, "JSON that is no object"),
    CheckRow("a word", b"pass", ERROR, "what is not JSON"),
    CheckRow("nothing, with success", b"", ERROR, "what is not JSON", 204),
    CheckRow("a login page", b"<html>", ERROR, "what is not JSON"),
    CheckRow("JSON without end", b"[" * 100_000, ERROR, "what is not JSON"),
    CheckRow("bytes that are no text", b"\xff\xfe", ERROR, "what is not JSON"),
    CheckRow("a message that is an object", {"verdict": "fail", "message": {}}, ERROR, "message that is no text"),
    CheckRow("figures that are texts", {"verdict": "fail", "figures": {"a": "1"}}, ERROR, "numbers by name"),
    CheckRow("a figure that is true", {"verdict": "pass", "figures": {"a": True}}, ERROR, "numbers by name"),
    CheckRow("figures as a list", {"verdict": "pass", "figures": [1]}, ERROR, "numbers by name"),
    CheckRow("a figure that is infinite", b'{"verdict": "pass", "figures": {"a": Infinity}}', ERROR, "numbers by"),
    CheckRow("a figure that no float holds", {"verdict": "pass", "figures": {"a": 10**400}}, ERROR, "numbers by name"),
    CheckRow(
        "more figures than status keeps",
        {"verdict": "pass", "figures": {str(number): number for number in range(MOST_FIGURES + 1)}},
        ERROR,
        "numbers by name",
    ),
    CheckRow("a verdict of fail with a status of failure", {"verdict": "fail"}, ERROR, "it answers 500", 500),
    CheckRow("a verdict of pass with a status of failure", {"verdict": "pass"}, ERROR, "it answers 404", 404),
    CheckRow("too early", {"verdict": "pass"}, ERROR, "it answers 425", 425),
    CheckRow("no credentials", b"", ERROR, "does headersSecret hold what it wants?", 401),
)


def gate(**fields: Any) -> Gate:
    (found,) = gates_of(Analysis.model_validate({"gates": [{"name": "webhook", "service": "load-test", **fields}]}))
    return found


def judged(*answers: LookAnswer) -> Judgement:
    """What the gate says after looks one after the other."""
    judgement = Judgement(verdict=INCONCLUSIVE, reason="", message="", seen=GateMemory())
    for second, answer in enumerate(answers):
        look = OutsideLook(asked_at=f"2026-01-01T00:00:{second:02}.000Z", answer=answer)
        judgement = gate().judge(Evidence(parts=(OutsideLooks(looks={"webhook": look}),)), judgement.seen)
    return judgement


def said(verdict: str, **more: Any) -> LookAnswer:
    return check_answer(200, json.dumps({"verdict": verdict, **more}).encode())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.scenario)
def test_each_answer_has_its_verdict(row: CheckRow) -> None:
    content = row.content if isinstance(row.content, bytes) else json.dumps(row.content).encode()
    judgement = judged(check_answer(row.status, content))
    assert (judgement.verdict, row.told in judgement.message) == (row.verdict, True), judgement.message


def test_the_newest_answer_is_the_verdict() -> None:
    assert judged(said("pass"), said("fail")).verdict is FAIL
    assert judged(said("fail"), said("pass")).verdict is PASS
    assert judged(said("pass"), said("inconclusive")).verdict is INCONCLUSIVE
    assert judged(said("pass"), Unanswered(why="it is away")).verdict is ERROR


def test_only_answers_that_decide_are_samples_so_a_step_waits_for_one() -> None:
    assert judged(said("inconclusive"), said("inconclusive"), Unanswered(why="away")).seen.samples == 0
    assert judged(said("inconclusive"), said("pass"), said("pass")).seen.samples == 2


def test_one_answer_counts_once_however_often_it_is_judged() -> None:
    looks = OutsideLooks(looks={"webhook": OutsideLook(asked_at="2026-01-01T00:00:00.000Z", answer=said("pass"))})
    first = gate().judge(Evidence(parts=(looks,)), GateMemory())
    assert gate().judge(Evidence(parts=(looks,)), first.seen) == first


def test_it_is_asked_before_any_user_is_sent_to_the_candidate() -> None:
    assert gate().gathers(StepConditions(spec=spec(), weight=0, mirror=0))


def test_its_words_are_one_line_that_can_be_shown() -> None:
    message = judged(said("fail", message=f"a\x1b[31m\n\tb {'x' * 10_000}")).message
    assert message.startswith("the service says fail: a [31m b xxx")
    assert len(message) <= LONGEST_MESSAGE + len("the service says fail: ")
    assert message.isprintable()


def test_its_figures_are_shown_by_their_names() -> None:
    figures = judged(said("pass", figures={"p95 seconds": 0.25, "requests": 1200})).seen.figures
    assert [(one.name, one.candidate) for one in figures] == [("p95 seconds", 0.25), ("requests", 1200)]


def test_several_have_names_of_their_own() -> None:
    entries = [{"name": "webhook", "id": one, "service": "load-test"} for one in ("soak", "smoke")]
    gates = gates_of(Analysis.model_validate({"gates": entries}))
    assert [one.name for one in gates] == ["webhook/soak", "webhook/smoke"]


def test_another_service_begins_a_new_test() -> None:
    assert gate().config != gate(service="other").config
