"""One pass, with the world as plain values behind the ports, and each outside call failing in turn."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from penstock_contracts.api.registry_write import GateOutcome, NamedNumbers
from penstock_contracts.api.status import Hold, ModelDeploymentStatus, Phase, Stable
from penstock_contracts.drift import DriftReason, DriftReport, DriftVerdict, DriftWish
from penstock_contracts.model_card import IngestPhase, IngestStatus
from penstock_contracts.verbs import Verb
from penstock_controller.drift_watch import DriftWatch
from penstock_controller.errors import ClusterAway, Rejected, StoreAway, WriteConflict
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.reconcile import Reconciler
from penstock_controller.rollout.decision import Announcement, CreateWorkload, RestoreChild
from penstock_controller.rollout.observation import (
    ChildKind,
    Children,
    Difference,
    Workload,
)
from penstock_testing.pass_rig import CARD, KEY, RAW, Outside, reconciler, resolved
from penstock_testing.rollout_world import spec


async def test_the_first_pass_asks_the_registry_and_says_so() -> None:
    outside = Outside()
    one, _ = reconciler(outside)
    assert await one.reconcile(KEY) is not None
    assert outside.status.phase is Phase.PENDING
    assert outside.calls.count("write_status") == 1


async def test_a_pass_writes_status_once_and_makes_the_workload_after_it() -> None:
    outside = Outside()
    one, watch = reconciler(outside)
    watch.follow(KEY, spec().registry)
    await resolved(watch)
    await one.reconcile(KEY)
    assert [type(action) for action in outside.done] == [CreateWorkload]
    assert outside.calls[-3:] == ["write_status", "publish", "execute"]
    assert [told.reason for told in outside.told] == ["RolloutStarted"]


async def test_a_pass_that_changes_nothing_writes_nothing() -> None:
    outside = Outside()
    one, _ = reconciler(outside)
    await one.reconcile(KEY)
    outside.calls.clear()
    await one.reconcile(KEY)
    assert "write_status" not in outside.calls


async def test_a_resource_that_is_gone_ends_quietly() -> None:
    outside = Outside(resource=None)
    one, _ = reconciler(outside)
    assert await one.reconcile(KEY) is None
    assert outside.calls == ["read"]


@pytest.mark.parametrize("call", ["read", "workloads", "gateways", "announce", "write_status"])
@pytest.mark.parametrize(
    "failure", [ClusterAway("no answer"), WriteConflict("changed since")], ids=["away", "conflict"]
)
async def test_a_call_that_fails_ends_the_pass_and_the_next_pass_ends_where_it_would_have(
    call: str, failure: Exception
) -> None:
    outside = Outside(failing={call: failure})
    one, watch = reconciler(outside)
    watch.follow(KEY, spec().registry)
    await resolved(watch)
    with pytest.raises(type(failure)):
        await one.reconcile(KEY)
    outside.failing.clear()
    await one.reconcile(KEY)
    assert outside.status.candidate is not None
    assert outside.status.candidate.attempt == 1
    assert outside.status.phase is Phase.INITIALIZING


FAILURES = [
    Rejected("create Deployment: exceeded quota: pods"),
    ClusterAway("create Deployment: HTTP 500 failed calling webhook: exceeded quota: pods"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=["refused", "a webhook that is down"])
async def test_a_deployment_that_cannot_be_made_is_what_the_attempt_waits_for(failure: Exception) -> None:
    outside = Outside(refused={CreateWorkload: failure})
    one, watch = reconciler(outside)
    watch.follow(KEY, spec().registry)
    await resolved(watch)
    await one.reconcile(KEY)
    assert await one.reconcile(KEY) is not None
    assert "exceeded quota: pods" in outside.status.message
    assert outside.status.candidate is not None
    assert outside.status.candidate.waiting_since
    (shown,) = (item for item in outside.status.conditions if item.type == "ChildrenApplied")
    assert (shown.status, "exceeded quota: pods" in shown.message) == ("False", True)
    outside.refused.clear()
    again, watch = reconciler(outside)  # a process that begins anew waits for nothing
    watch.follow(KEY, spec().registry)
    await resolved(watch)
    await again.reconcile(KEY)
    assert [type(action) for action in outside.done] == [CreateWorkload]


def serving(**changed: object) -> Outside:
    """Version 1 serves; its disruption budget and its Service are gone."""
    stable = Stable(revision="0123456789", version="1", digest=CARD.digest, since="2026-01-01T00:00:00Z")
    status = ModelDeploymentStatus.model_validate(
        {"stable": stable.model_dump(), "observed_generation": 1, "attempt": 1, **changed}
    )
    workload = Workload(
        revision=stable.revision,
        version="1",
        digest=CARD.digest,
        replicas=2,
        ready=2,
        promoted_attempt=1,
        differences=(Difference(kind=ChildKind.BUDGET), Difference(kind=ChildKind.SERVICE)),
    )
    resource = ModelDeployment(key=KEY, generation=1, spec=spec(), status=status, raw=RAW)
    return Outside(resource=resource, found=Children(workloads=(workload,)))


async def test_a_budget_that_is_refused_holds_up_neither_status_nor_the_other_objects() -> None:
    outside = serving()
    outside.refused = {RestoreChild: Rejected("create PodDisruptionBudget: exceeded quota")}
    one, _ = reconciler(outside)
    await one.reconcile(KEY)
    assert outside.calls.count("execute") == 2, "the refusal of one is no reason to leave out the other"
    assert outside.calls.count("write_status") == 1


@pytest.mark.parametrize(
    "failure",
    [Rejected("patch HTTPRoute: denied by policy"), WriteConflict("changed since")],
    ids=["refused", "conflict"],
)
async def test_traffic_that_cannot_be_published_holds_up_no_action_and_is_published_by_the_next_pass(
    failure: Exception,
) -> None:
    outside = serving()
    outside.failing = {"publish": failure}
    one, _ = reconciler(outside)
    await one.reconcile(KEY)
    assert [type(action) for action in outside.done] == [RestoreChild, RestoreChild]
    outside.failing.clear()
    outside.calls.clear()
    await one.reconcile(KEY)
    assert outside.calls.count("publish") == 1


async def test_a_pass_that_ends_at_publishing_is_made_up_for_though_status_is_written_already() -> None:
    outside = serving()
    outside.failing = {"publish": ClusterAway("no answer")}
    one, _ = reconciler(outside)
    with pytest.raises(ClusterAway):
        await one.reconcile(KEY)
    assert "write_status" in outside.calls
    outside.failing.clear()
    outside.calls.clear()
    await one.reconcile(KEY)
    assert "publish" in outside.calls
    assert "write_status" not in outside.calls


async def test_an_event_that_is_refused_holds_up_nothing() -> None:
    outside = Outside(failing={"announce": Rejected("create Event: exceeded quota: count/events")})
    one, watch = reconciler(outside)
    watch.follow(KEY, spec().registry)
    await resolved(watch)
    await one.reconcile(KEY)
    assert outside.status.candidate is not None
    assert [type(action) for action in outside.done] == [CreateWorkload]


@pytest.mark.parametrize(
    ("ingest", "message"),
    [
        (IngestStatus(phase=IngestPhase.PENDING), "the model store is fetching version 1"),
        (IngestStatus(phase=IngestPhase.FAILED, reason="RegistryAway", message="mlflow: 503"), "mlflow: 503"),
        (IngestStatus(phase=IngestPhase.REFUSED, reason="PickleOnly", message="model.pkl: convert it"), "model.pkl"),
    ],
    ids=["pending", "failed", "refused"],
)
async def test_nothing_is_started_before_the_store_has_the_bytes(ingest: IngestStatus, message: str) -> None:
    outside = Outside(ingest_status=ingest)
    one, watch = reconciler(outside)
    watch.follow(KEY, spec().registry)
    await resolved(watch)
    await one.reconcile(KEY)
    assert outside.done == []
    assert message in outside.status.message


async def test_a_store_that_is_away_is_a_reason_to_wait() -> None:
    outside = Outside(failing={"ingest": StoreAway("the model store does not answer: ConnectError")})
    one, watch = reconciler(outside)
    watch.follow(KEY, spec().registry)
    await resolved(watch)
    assert await one.reconcile(KEY) is not None
    assert "the model store does not answer" in outside.status.message
    assert outside.status.refused is None


def held(**changed: object) -> ModelDeployment:
    """Version 7 is held since the alias named version 1."""
    hold = Hold(
        version="7",
        created_at_ms=7,
        digest=CARD.digest,
        refused_version="1",
        refused_digest="sha256:b",
        alias_version="1",
        alias_created_at_ms=1,
        generation=1,
    )
    status = ModelDeploymentStatus(hold=hold.model_copy(update=changed), observed_generation=1)
    return ModelDeployment(key=KEY, generation=1, spec=spec(), status=status, raw=RAW)


@pytest.mark.parametrize(
    ("changed", "asked"),
    [({}, "7"), ({"alias_version": "0"}, "1"), ({"alias_created_at_ms": 9}, "1"), ({"generation": 2}, "1")],
    ids=["it stands", "the alias has moved", "the version was made anew", "the spec has changed"],
)
async def test_while_a_hold_stands_the_store_is_asked_for_the_held_version(
    changed: dict[str, object], asked: str
) -> None:
    outside = Outside(resource=held(**changed))
    one, watch = reconciler(outside)
    watch.follow(KEY, spec().registry)
    await resolved(watch)
    await one.reconcile(KEY)
    assert outside.asked == [asked]
    assert (outside.status.hold is not None) == (asked == "7")


async def test_a_hold_stands_before_the_registry_has_answered() -> None:
    outside = Outside(resource=held())
    one, _ = reconciler(outside)
    await one.reconcile(KEY)
    assert outside.asked == ["7"]


WATCHED: dict[str, Any] = {"predictor": {"logger": {"mode": "all"}}, "drift": {}}


class ScriptedMonitor:
    """Notes what it is told; `hangs`: it answers nothing."""

    def __init__(self, *, hangs: bool = False) -> None:
        self.hangs = hangs
        self.asked: list[ResourceKey] = []
        self.dropped: list[ResourceKey] = []

    async def ask(self, key: ResourceKey, wish: DriftWish) -> DriftReport:
        self.asked.append(key)
        if self.hangs:
            await asyncio.Event().wait()
        return DriftReport(
            namespace=key.namespace,
            name=key.name,
            dataset_drift=False,
            verdict=DriftVerdict.NO_DRIFT,
            reason=DriftReason.NO_DRIFT,
            message="",
        )

    async def labelled(self, key: ResourceKey) -> int:
        return 0

    async def forget(self, key: ResourceKey) -> None:
        self.dropped.append(key)
        if self.hangs:
            await asyncio.Event().wait()


def watched(**fields: Any) -> Outside:
    """A version serves, and its live data may be watched."""
    stable = Stable(revision="rev1", version="1", digest=CARD.digest, since="2026-01-01T00:00:00Z")
    status = ModelDeploymentStatus(stable=stable)
    return Outside(resource=ModelDeployment(key=KEY, generation=1, spec=spec(**fields), status=status, raw=RAW))


async def worked(drift: DriftWatch, passes: Callable[[], Awaitable[object]]) -> None:
    """Passes while the watch works beside them."""
    task = asyncio.ensure_future(drift.run())
    try:
        for _ in range(3):
            await passes()
            for _ in range(50):
                await asyncio.sleep(0)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def said_of_drift(outside: Outside) -> dict[str, str]:
    kinds = ("DriftDetected", "MonitorReachable")
    return {item.type: item.reason for item in outside.status.conditions if item.type in kinds}


async def test_what_the_monitor_says_stands_in_status_by_the_next_pass() -> None:
    outside, monitor = watched(**WATCHED), ScriptedMonitor()
    drift = DriftWatch(monitor, lambda _: None, clock=lambda: 0.0)
    one, _ = reconciler(outside, drift)
    await worked(drift, lambda: one.reconcile(KEY))
    assert said_of_drift(outside) == {"DriftDetected": "NoDrift", "MonitorReachable": "Answered"}
    assert monitor.asked == [KEY], "again after the interval only"
    assert "NoDrift" in [told.reason for told in outside.told]


async def test_a_monitor_that_hangs_holds_up_no_pass() -> None:
    outside, monitor = watched(**WATCHED), ScriptedMonitor(hangs=True)
    drift = DriftWatch(monitor, lambda _: None, clock=lambda: 0.0)
    one, _ = reconciler(outside, drift)
    await worked(drift, lambda: one.reconcile(KEY))
    assert monitor.asked == [KEY]
    assert said_of_drift(outside) == {"DriftDetected": "NotAsked", "MonitorReachable": "NotAsked"}


async def test_of_a_resource_that_is_gone_the_monitor_drops_all() -> None:
    outside, monitor = watched(**WATCHED), ScriptedMonitor()
    drift = DriftWatch(monitor, lambda _: None, clock=lambda: 0.0)
    one, _ = reconciler(outside, drift)
    await worked(drift, lambda: one.reconcile(KEY))
    outside.resource = None
    await worked(drift, lambda: one.reconcile(KEY))
    assert set(monitor.dropped) == {KEY}


async def test_where_drift_is_not_asked_for_any_more_the_monitor_drops_all_once() -> None:
    outside, monitor = watched(**WATCHED), ScriptedMonitor()
    drift = DriftWatch(monitor, lambda _: None, clock=lambda: 0.0)
    one, _ = reconciler(outside, drift)
    await worked(drift, lambda: one.reconcile(KEY))
    assert outside.resource
    outside.resource = replace(outside.resource, spec=spec(predictor=WATCHED["predictor"]), generation=2)
    await worked(drift, lambda: one.reconcile(KEY))
    assert monitor.dropped == [KEY]
    assert outside.status.drift is None


async def test_a_controller_that_starts_after_drift_was_removed_has_the_monitor_drop_it() -> None:
    outside, monitor = watched(**WATCHED), ScriptedMonitor()
    first = DriftWatch(monitor, lambda _: None, clock=lambda: 0.0)
    before, _ = reconciler(outside, first)
    await worked(first, lambda: before.reconcile(KEY))
    assert outside.resource
    outside.resource = replace(outside.resource, spec=spec(), generation=2)
    second = DriftWatch(monitor, lambda _: None, clock=lambda: 0.0)
    one, _ = reconciler(outside, second)
    await worked(second, lambda: one.reconcile(KEY))
    assert monitor.dropped == [KEY]


async def test_what_another_release_brings_on_is_neither_asked_nor_dropped() -> None:
    outside, monitor = watched(**WATCHED), ScriptedMonitor()
    drift = DriftWatch(monitor, lambda _: None, clock=lambda: 0.0)
    one, _ = reconciler(outside, drift)
    await one.reconcile(KEY)
    one.forget(KEY)

    async def nothing() -> None:
        return None

    await worked(drift, nothing)
    assert (monitor.asked, monitor.dropped) == ([], [])


async def test_of_a_resource_without_drift_the_monitor_hears_nothing() -> None:
    outside, monitor = watched(), ScriptedMonitor()
    drift = DriftWatch(monitor, lambda _: None, clock=lambda: 0.0)
    one, _ = reconciler(outside, drift)
    await worked(drift, lambda: one.reconcile(KEY))
    assert (monitor.asked, monitor.dropped) == ([], [])


RETRAINED: dict[str, Any] = {"retrain": {"jobTemplate": {"spec": {"template": {}}}}}


async def by_hand(outside: Outside) -> Reconciler:
    """Version 1 serves, and a person says retrain."""
    one, watch = reconciler(outside)
    watch.follow(KEY, spec().registry)
    await resolved(watch)
    stable = Stable(revision="r", version="1", digest=CARD.digest, since="2026-01-01T00:00:00Z")
    status = ModelDeploymentStatus(observed_generation=1, phase=Phase.HEALTHY, stable=stable, attempt=1)
    outside.resource = ModelDeployment(
        key=KEY, generation=1, spec=spec(**RETRAINED), status=status, words={Verb.RETRAIN: "1/0"}, raw=RAW
    )
    return one


async def test_a_job_is_made_once_and_after_its_number_stands_in_status() -> None:
    outside = Outside()
    one = await by_hand(outside)
    await one.reconcile(KEY)
    assert outside.status.retraining
    assert outside.calls.index("write_status") < outside.calls.index("create")
    await one.reconcile(KEY)
    assert outside.calls.count("create") == 1
    assert outside.status.retraining.job
    assert list(outside.jobs) == ["m-retrain-1"]


@pytest.mark.parametrize("call", ["check", "look", "create"])
@pytest.mark.parametrize("failure", [*FAILURES, WriteConflict("changed since")], ids=["refused", "away", "conflict"])
async def test_what_goes_wrong_with_a_job_holds_up_nothing_else_of_a_pass(call: str, failure: Exception) -> None:
    outside = Outside(failing={call: failure})
    one = await by_hand(outside)
    for _ in range(3):
        await one.reconcile(KEY)
    assert outside.calls.count("workloads") == 3
    assert CreateWorkload in {type(action) for action in outside.done}


async def test_a_resource_without_a_template_costs_no_call_about_jobs() -> None:
    outside = Outside()
    one, _ = reconciler(outside)
    await one.reconcile(KEY)
    assert not {"check", "look", "create"} & set(outside.calls)


async def test_the_end_of_an_attempt_is_one_log_line_with_what_each_gate_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outside = Outside()
    one, _ = reconciler(outside)
    assert outside.resource
    harm = NamedNumbers(name="odds of harm", numbers=(312.0, 200.0))
    gate = GateOutcome(gate="error-rate", stage="trial", verdict="fail", samples=61, bounds=(harm,))
    began = Announcement(type="Normal", reason="RolloutStarted", message="it begins", attempt=2)
    ended = replace(began, reason="GateFailed", message="it fails", completion="RolledBack", gates=(gate,))
    with caplog.at_level("INFO", logger="penstock_controller.reconcile"):
        await one._announce(outside.resource, (began, ended))
    first, second = (vars(record) for record in caplog.records)
    assert "gates" not in first
    assert (second["message"], second["completion"]) == ("it fails", "RolledBack")
    assert second["gates"] == [
        {
            "gate": "error-rate",
            "stage": "trial",
            "verdict": "fail",
            "samples": 61,
            "figures": {},
            "bounds": {"odds of harm": (312.0, 200.0)},
        }
    ]
