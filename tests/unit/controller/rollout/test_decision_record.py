"""What is left of an attempt: each gate's last word, in status while it runs, in history after, told once."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from penstock_contracts.api.status import AttemptStage, GateResult, ModelDeploymentStatus
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.catalogue import gates_of
from penstock_controller.gates.looks import MeasuredValue, OutsideLook, OutsideLooks
from penstock_testing.label_gate import LabelledAccuracy, LabelledAnswers
from penstock_testing.rollout_scenes import canary, error_rate, has, last, on_trial, pause, stable, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

EVENT = 1024
"""Characters that an Event's message may have."""


def values(*gates: str, value: float = 0.2) -> Callable[[], tuple[object, ...]]:
    """Each pass finds another look of each gate."""
    times = count()

    def measured() -> tuple[object, ...]:
        at = f"2026-01-01T00:00:00.{next(times):04}Z"
        look = OutsideLook(asked_at=at, answer=MeasuredValue(value=value), asked=f"sum(rate(x[{at[-3:]}]))")
        return (OutsideLooks(looks=dict.fromkeys(gates, look)),)

    return measured


def eight_queries(**fields: Any) -> RolloutWorld:
    names = [f"g{number}" for number in range(8)]
    entries = [{"name": "query", "id": name, "query": "x", "thresholdRange": {"max": 0.5}} for name in names]
    analysis = {"interval": "1s", "gates": entries}
    world = on_trial(canary(weight(50), pause("2s"), analysis=analysis, progressDeadline="60s", **fields))
    world.measured = values(*(f"query/{name}" for name in names))
    return world


def results(world: RolloutWorld, gate: str = "error-rate") -> dict[AttemptStage, GateResult]:
    return {one.stage: one for one in last(world).gates if one.name == gate}


def test_a_record_has_both_stages_with_samples_figures_bounds_error_levels_and_what_the_test_depended_on() -> None:
    world = on_trial(canary(weight(50), pause("5s"), analysis=error_rate(), bake="20s")).settle()
    assert stable(world) == "2"
    found = results(world)
    assert found.keys() == {AttemptStage.TRIAL, AttemptStage.BAKE}
    for gate in found.values():
        assert (gate.verdict, gate.min_samples) == (Verdict.PASS, 50)
        assert gate.samples >= 50
        assert {figure.name for figure in gate.figures} == {"tries", "failures"}
        assert gate.config == "margin 0.1% or 50% of stable's, passMargin 0.5% or 100% of stable's"
        told = {bound.name: (bound.decides.value, bound.limit, bound.error_level) for bound in gate.bounds}
        assert told == {
            "odds of harm": ("fail", 200.0, 0.005),
            "odds of no harm": ("pass", 20.0, 0.05),
            "failures above stable's, %": ("fail", 0.1, None),
        }
        (passed,) = (bound for bound in gate.bounds if bound.decides is Verdict.PASS)
        assert passed.reached == 1.0


def test_a_failure_is_one_event_with_the_numbers_that_decided_and_the_record_has_them_by_name() -> None:
    world = until(on_trial(canary(weight(20), pause("60s"), analysis=error_rate())), has(20))
    world.failing = {"rev2": 0.6}
    world.settle()
    (told,) = (one for one in world.announcements if one.completion)
    gate = results(world)[AttemptStage.TRIAL]
    assert told.message == f"attempt 2, version 2: error-rate: {gate.message}"
    assert gate.message.endswith(" x HTTP 500")
    (harm,) = (bound for bound in gate.bounds if bound.name == "odds of harm")
    assert harm.reached == 1.0
    assert harm.value is not None
    assert harm.value >= harm.limit
    assert next((one.gate, one.verdict) for one in told.gates) == ("error-rate", "fail")


def test_what_a_service_outside_was_asked_stands_in_status_and_then_in_history_as_it_was_asked_last() -> None:
    world = eight_queries()
    until(world, has(50))
    for _ in range(2):
        world.tick()
    asked = {gate.query for gate in world.status.gates if gate.stage is AttemptStage.TRIAL}
    assert len(asked) == 1
    assert asked.pop().startswith("sum(rate(x[")
    world.settle()
    assert all(gate.query for gate in last(world).gates if gate.stage is AttemptStage.TRIAL)


def test_as_many_gates_as_a_resource_may_have_fit_into_status_and_history_in_both_stages() -> None:
    """Eight on trial, eight in the bake, and preflight."""
    world = eight_queries(bake="10s")
    most = 0
    for _ in range(60):
        world.tick()
        most = max(most, len(world.status.gates))
        ModelDeploymentStatus.model_validate(world.status.model_dump(mode="json"))
    assert most == 17
    assert len(last(world).gates) == 17


def test_what_is_told_of_many_gates_has_room_in_an_event_and_says_of_each_at_least_its_verdict() -> None:
    world = eight_queries().settle()
    assert stable(world) == "2"
    (told,) = (one for one in world.announcements if one.completion)
    assert len(told.message) <= EVENT
    for number in range(8):
        assert f"; query/g{number}: " in told.message
    assert "; query/g0: the value is 0.2, as it must be" in told.message
    assert last(world).message in told.message


@pytest.mark.parametrize("promoted", [True, False])
def test_of_a_gate_that_gives_no_bounds_all_else_is_kept(promoted: bool) -> None:
    world = on_trial(canary(weight(50), pause("2s"), analysis=error_rate(), progressDeadline="60s"))
    labels = LabelledAccuracy(name="labels", min_samples=40, least=0.9, config="least 90 %")
    world.catalogue = lambda analysis: (*gates_of(analysis), labels)
    labelled = iter(range(0, 10**6, 20))

    def measured() -> tuple[object, ...]:
        seen = next(labelled)
        return (LabelledAnswers(labelled=seen, right=seen if promoted else seen // 2),)

    world.measured = measured
    world.settle()
    gate = results(world, "labels")[AttemptStage.TRIAL]
    assert gate.verdict is (Verdict.PASS if promoted else Verdict.FAIL)
    assert (gate.min_samples, gate.config, gate.bounds) == (40, "least 90 %", ())
    assert gate.samples >= 40


def test_a_gate_that_could_not_be_asked_at_the_end_keeps_the_bounds_that_it_had() -> None:
    world = until(on_trial(canary(weight(50), pause("60s"), analysis=error_rate())), has(50))
    for _ in range(3):
        world.tick()
    before = world.status.gates[-1].bounds
    assert before
    world.deaf = True
    for _ in range(3):
        world.tick()
    assert world.status.gates[-1].verdict is Verdict.ERROR
    assert world.status.gates[-1].bounds == before
