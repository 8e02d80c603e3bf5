"""Passes over resources whose gates compare predictions: they take what the drift monitor has counted by now."""

import asyncio
from dataclasses import replace
from typing import Any

from penstock_contracts.divergence import DivergenceReport, DivergenceWish
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import MissingEvidence, PairedOutputs
from penstock_controller.monitor_watch import MonitorWatch
from penstock_controller.ports import ModelDeployment
from penstock_testing.counting_monitor import CountingMonitor
from penstock_testing.pass_rig import KEY, RAW, Outside, reconciler
from penstock_testing.rollout_scenes import canary, on_trial, pause, until
from penstock_testing.strategies import mirror

COMPARED = {"name": "prediction-divergence"}


def mirrored(*gates: dict[str, Any]) -> ModelDeployment:
    """A candidate answers copies of stable's requests."""
    recorded = {"minReplicas": 4, "logger": {"mode": "all"}}
    analysis = {"interval": "10s", "gates": list(gates)}
    world = on_trial(canary(mirror(100), pause("1m"), analysis=analysis, predictor=recorded))
    until(world, lambda world: world.status.evidence is not None)
    return ModelDeployment(key=KEY, generation=1, spec=world.spec, status=world.status, raw=RAW)


async def asked(watch: MonitorWatch[DivergenceWish, DivergenceReport]) -> None:
    """What is due is asked."""
    work = asyncio.ensure_future(watch.run())
    for _ in range(20):
        await asyncio.sleep(0)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def test_what_the_monitor_has_counted_is_evidence_of_the_next_pass() -> None:
    outside, monitor = Outside(resource=mirrored(COMPARED)), CountingMonitor()
    watch = MonitorWatch(monitor.compare, lambda _: None, what="nothing is compared")
    one, _ = reconciler(outside, divergence=watch)
    assert outside.resource
    first = await one._observer.observe(outside.resource)
    assert first.measured == ()
    assert first.not_measured[PairedOutputs].verdict is Verdict.INCONCLUSIVE
    await asked(watch)
    second = await one._observer.observe(outside.resource)
    (found,) = second.measured
    assert isinstance(found, PairedOutputs)
    assert found.pairs == 1
    assert monitor.asked == [(KEY, outside.resource.status.attempt)]


async def test_a_monitor_that_hangs_holds_up_no_pass() -> None:
    outside, monitor = Outside(resource=mirrored(COMPARED)), CountingMonitor()
    monitor.hanging = {KEY}
    watch = MonitorWatch(monitor.compare, lambda _: None, what="nothing is compared")
    one, _ = reconciler(outside, divergence=watch)
    assert outside.resource
    for _ in range(2):
        observation = await one._observer.observe(outside.resource)
        await asked(watch)
    assert isinstance(observation.not_measured[PairedOutputs], MissingEvidence)


async def test_without_the_gate_nobody_is_asked() -> None:
    resource = replace(mirrored(COMPARED), spec=mirrored({"name": "error-rate"}).spec)
    outside, monitor = Outside(resource=resource), CountingMonitor()
    watch = MonitorWatch(monitor.compare, lambda _: None, what="nothing is compared")
    one, _ = reconciler(outside, divergence=watch)
    observation = await one._observer.observe(resource)
    await asked(watch)
    assert (observation.measured, dict(observation.not_measured), monitor.asked) == ((), {}, [])
