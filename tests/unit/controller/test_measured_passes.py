"""Passes over resources whose gates ask outside: they take what is known, and look at once where it turns a verdict."""

import asyncio
from dataclasses import replace
from typing import Any

from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.gates.looks import OutsideLooks, Unanswered
from penstock_controller.measurement_watch import MeasurementWatch
from penstock_controller.ports import ModelDeployment
from penstock_testing.pass_rig import KEY, RAW, Outside, reconciler
from penstock_testing.rollout_scenes import canary, has, on_trial, pause, until
from penstock_testing.scripted_measurements import ScriptedMeasurements, measurement_watch
from penstock_testing.strategies import weight


def asking(*gates: dict[str, Any]) -> ModelDeployment:
    """A candidate has half of the requests, and the counters were read a moment ago."""
    steps = (weight(50), pause("1m"))
    world = until(on_trial(canary(*steps, analysis={"interval": "10s", "gates": list(gates)})), has(50))
    world.tick(0.2)
    return ModelDeployment(key=KEY, generation=1, spec=world.spec, status=world.status, raw=RAW)


ASKS = {"name": "query", "query": "x", "thresholdRange": {"max": 1}}


async def answered(watch: MeasurementWatch) -> None:
    """What is due is asked."""
    work = asyncio.ensure_future(watch.run())
    for _ in range(20):
        await asyncio.sleep(0)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_an_answer_from_outside_that_turns_a_verdict_is_not_left_until_the_interval_is_over() -> None:
    outside = Outside(resource=asking(ASKS))
    watch = measurement_watch(ScriptedMeasurements(answers={"query": Unanswered(why="it is away")}))
    one, _ = reconciler(outside, measurements=watch)
    assert outside.resource
    first = await one._observer.observe(outside.resource)
    assert (first.evidence, first.measured) == (None, (OutsideLooks(),))
    assert "evidence" not in outside.calls
    await answered(watch)
    second = await one._observer.observe(outside.resource)
    assert second.evidence == ()
    assert [type(look.answer) for part in second.measured for look in part.looks.values()] == [Unanswered]  # type: ignore[attr-defined]


async def test_an_answer_that_turns_no_verdict_waits_for_its_time() -> None:
    outside = Outside(resource=asking(ASKS))
    watch = measurement_watch(ScriptedMeasurements())
    one, _ = reconciler(outside, measurements=watch)
    assert outside.resource
    for _ in range(2):
        observation = await one._observer.observe(outside.resource)
        await answered(watch)
    assert observation.evidence is None


async def test_a_resource_that_asks_nobody_has_nothing_measured_and_is_forgotten() -> None:
    scripted = ScriptedMeasurements()
    watch = measurement_watch(scripted)
    outside = Outside(resource=asking(ASKS))
    one, _ = reconciler(outside, measurements=watch)
    assert outside.resource
    await one._observer.observe(outside.resource)
    without = replace(outside.resource, spec=asking({"name": "error-rate"}).spec)
    observation = await one._observer.observe(without)
    await answered(watch)
    assert (observation.measured, scripted.asked) == ((), [])


async def test_a_gate_that_may_not_ask_is_told_also_while_nothing_is_judged() -> None:
    resource = replace(asking(ASKS), status=ModelDeploymentStatus())
    outside = Outside(resource=resource)
    watch = measurement_watch(ScriptedMeasurements(refused={"query": "'x' is not defined"}))
    one, _ = reconciler(outside, measurements=watch)
    await one.reconcile(KEY)
    (shown,) = (item for item in outside.status.conditions if item.type == "MeasurementsAvailable")
    assert (shown.status, shown.reason, shown.message) == ("False", "NoSuchSource", "query: 'x' is not defined")
