"""Rollouts whose gates ask services outside: what is not known promotes nobody and blames nobody."""

from collections.abc import Callable, Iterator
from itertools import chain, count, repeat
from typing import Any

import pytest

from penstock_contracts.api.status import AttemptStage, GateStatus, Phase
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.catalogue import gates_of
from penstock_controller.gates.looks import (
    CheckVerdict,
    LookAnswer,
    MeasuredValue,
    NoValue,
    OutsideLook,
    OutsideLooks,
    Unanswered,
)
from penstock_controller.rollout.verdicts import turned_by
from penstock_testing.rollout_scenes import canary, condition, has, is_baking, last, on_trial, pause, stable, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

SLO = {"name": "query", "query": "x", "thresholdRange": {"max": 0.5}}
CHECK = {"name": "webhook", "service": "soak"}
GOOD, BAD = MeasuredValue(value=0.2), MeasuredValue(value=0.7)
NOTHING, AWAY = NoValue(why="no series has one"), Unanswered(why="source 'default': it answers 503")
PASS, FAIL, WAIT = (CheckVerdict(verdict=Verdict(word), message="said so") for word in ("pass", "fail", "inconclusive"))


def looks(name: str, answers: Iterator[LookAnswer]) -> Callable[[], tuple[object, ...]]:
    """Each pass finds another look."""
    times = count()

    def measured() -> tuple[object, ...]:
        look = OutsideLook(asked_at=f"2026-01-01T00:00:00.{next(times):03}Z", answer=next(answers))
        return (OutsideLooks(looks={name: look}),)

    return measured


def trial(gate: dict[str, Any], *answers: LookAnswer, bake: str = "0s", undecided: str = "Pause") -> RolloutWorld:
    """A candidate has half of the requests; the last answer stays. Evidence is read once a second."""
    analysis = {"interval": "1s", "gates": [gate], "onInconclusive": undecided}
    steps = (weight(50), pause("1s"))
    world = on_trial(canary(*steps, analysis=analysis, progressDeadline="60s", bake=bake))
    world.measured = looks(gate["name"], repeat(answers[0]))
    until(world, has(50))
    world.measured = looks(gate["name"], chain(answers, repeat(answers[-1])))
    return world


def judged(world: RolloutWorld, stage: AttemptStage = AttemptStage.TRIAL) -> GateStatus:
    return next(one for one in world.status.gates if one.stage is stage)


def ticked(world: RolloutWorld, times: int = 30) -> RolloutWorld:
    for _ in range(times):
        world.tick()
    return world


def test_values_within_the_range_promote() -> None:
    assert stable(trial(SLO, GOOD).settle()) == "2"


def test_no_data_neither_promotes_nor_blames_by_default() -> None:
    world = ticked(trial(SLO, NOTHING))
    assert (stable(world), world.status.phase) == ("1", Phase.PROGRESSING)
    assert (judged(world).verdict, judged(world).reason) == (Verdict.INCONCLUSIVE, "NoData")
    assert "query has seen 0 values in this step, 1 are needed" in world.status.message
    world.settle()
    assert (stable(world), last(world).reason) == ("1", "ProgressDeadlineExceeded")
    assert "query" in last(world).message


@pytest.mark.parametrize("undecided", ["Promote", "Rollback", "Pause"])
@pytest.mark.parametrize("answer", [NOTHING, AWAY], ids=["no data", "away"])
def test_without_evidence_no_rule_promotes(answer: LookAnswer, undecided: str) -> None:
    assert stable(trial(SLO, answer, undecided=undecided).settle()) == "1"


def test_a_source_that_is_away_promotes_nothing_until_it_is_back() -> None:
    world = ticked(trial(SLO, AWAY), 15)
    assert (stable(world), judged(world).verdict) == ("1", Verdict.ERROR)
    world.measured = looks("query", repeat(GOOD))
    assert stable(world.settle()) == "2"


def test_one_outlier_sends_no_version_back() -> None:
    world = trial(SLO, BAD, GOOD)
    assert stable(world.settle()) == "2"


def test_values_outside_the_range_send_it_back_and_are_named() -> None:
    world = trial(SLO, BAD).settle()
    record = last(world)
    assert (stable(world), record.reason) == ("1", "GateFailed")
    assert record.message.startswith("query: the value is 0.7, above 0.5; 2 in a row outside the range, 2 decide")
    assert [(one.name, one.candidate) for one in record.gates[-1].figures] == [("value", 0.7), ("highest allowed", 0.5)]


def test_in_the_bake_it_goes_on_judging() -> None:
    world = until(trial(SLO, GOOD, bake="1h"), is_baking)
    world.measured = looks("query", repeat(BAD))
    world.settle()
    assert (stable(world), last(world).reason) == ("1", "GateFailed")
    assert last(world).message.startswith("in the bake, query: the value is 0.7")


def test_in_the_bake_a_source_that_is_away_takes_nothing_back() -> None:
    world = until(trial(SLO, GOOD, bake="20s"), is_baking)
    world.measured = looks("query", repeat(AWAY))
    world.settle()
    assert (stable(world), last(world).completion.value) == ("2", "Promoted")


@pytest.mark.parametrize(("rule", "version"), [("Pass", "2"), ("Fail", "1")])
def test_no_data_is_what_the_user_calls_it(rule: str, version: str) -> None:
    assert stable(trial({**SLO, "onNoData": rule}, NOTHING).settle()) == version


def test_a_gate_in_dry_run_is_shown_and_holds_nobody_back() -> None:
    world = trial({**SLO, "dryRun": True}, BAD).settle()
    assert stable(world) == "2"
    assert last(world).gates[-1].verdict is Verdict.FAIL


def test_what_happens_while_a_version_warms_up_is_not_counted() -> None:
    world = trial({**SLO, "initialDelay": "5s"}, BAD, BAD, BAD, GOOD)
    assert stable(world.settle()) == "2"


def test_a_check_that_has_not_decided_holds_the_step_and_its_pass_promotes() -> None:
    world = ticked(trial(CHECK, WAIT))
    assert stable(world) == "1"
    assert "webhook has seen 0 decided answers in this step" in world.status.message
    world.measured = looks("webhook", repeat(PASS))
    assert stable(world.settle()) == "2"


def test_a_check_that_fails_sends_the_version_back_in_its_words() -> None:
    record = last(trial(CHECK, FAIL).settle())
    assert (record.reason, record.message) == ("GateFailed", "webhook: the service says fail: said so")


def test_several_gates_of_one_kind_judge_by_their_own_answers() -> None:
    analysis = {"interval": "1s", "gates": [{**SLO, "id": "one"}, {**SLO, "id": "two"}]}
    world = on_trial(canary(weight(50), pause("1s"), analysis=analysis, progressDeadline="60s"))
    times = count()

    def measured() -> tuple[object, ...]:
        at = f"2026-01-01T00:00:00.{next(times):03}Z"
        both = {"query/one": GOOD, "query/two": BAD}
        return (OutsideLooks(looks={name: OutsideLook(asked_at=at, answer=said) for name, said in both.items()}),)

    world.measured = measured
    world.settle()
    assert {one.name: one.verdict for one in last(world).gates if one.name != "preflight"} == {
        "query/one": Verdict.PASS,
        "query/two": Verdict.FAIL,
    }


def test_the_condition_says_who_does_not_answer() -> None:
    world = ticked(trial(SLO, AWAY), 3)
    assert condition(world, "MeasurementsAvailable") == ("False", "MeasurementAway")
    world.measured = looks("query", repeat(NOTHING))
    assert condition(ticked(world, 1), "MeasurementsAvailable") == ("True", "Answered")
    world.measured = tuple
    assert condition(ticked(world, 1), "MeasurementsAvailable") == ("True", "NotAsked")


def test_a_resource_without_such_gates_has_no_such_condition() -> None:
    world = on_trial(canary(weight(50), pause("1s"))).settle()
    assert "MeasurementsAvailable" not in {one.type for one in world.status.conditions}


def test_only_an_answer_that_turns_a_verdict_is_judged_before_its_time() -> None:
    world = ticked(trial(SLO, GOOD, bake="1h"), 1)
    until(world, is_baking)
    ticked(world, 5)
    assert judged(world, AttemptStage.BAKE).verdict is Verdict.PASS
    gates = gates_of(world.spec.analysis)

    def turns(answer: LookAnswer) -> bool:
        look = OutsideLook(asked_at="2026-01-02T00:00:00.000Z", answer=answer)
        return turned_by(world.status, gates, OutsideLooks(looks={"query": look}))

    assert not turns(GOOD)
    assert all(turns(answer) for answer in (BAD, NOTHING, AWAY))
    assert not turned_by(world.status, gates_of(on_trial(canary()).spec.analysis), OutsideLooks())
