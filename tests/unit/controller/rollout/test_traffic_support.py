"""A traffic provider that can do little: what a spec asks in vain is told, and a gate without evidence says so."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from penstock_contracts.api.status import Completion, Condition, Phase
from penstock_contracts.model_card import IngestPhase, IngestStatus
from penstock_contracts.verbs import Verb
from penstock_contracts.verdict import Verdict
from penstock_controller.ports import ModelDeployment
from penstock_controller.reconcile import Reconciler
from penstock_controller.registry_watch import RegistryWatch
from penstock_controller.rollout.decision import (
    CreateWorkload,
    DeleteWorkload,
    MarkPromoted,
    RevisionAction,
    ScaleWorkload,
)
from penstock_controller.rollout.observation import Children, Workload
from penstock_testing.pass_rig import KEY, Outside, OutsideTraffic, card, reconciler, resolved
from penstock_testing.rollout_scenes import canary, error_rate, is_paused, on_trial, pause, until
from penstock_testing.rollout_world import spec
from penstock_testing.strategies import mirror, weight
from penstock_testing.weights_only import WeightsOnly

DEADLINE = 30
STICKY: dict[str, Any] = {"stickiness": {"header": "x-user-id"}}
STEPS = (mirror(100), pause("1s"), weight(50), pause("1s"))


@dataclass
class Cluster(Outside):
    """Pods are ready as soon as their Deployment is there."""

    workloads: dict[str, Workload] = field(default_factory=dict)

    def ready(self, revision: str) -> int:
        return self.workloads[revision].ready if revision in self.workloads else 0

    async def execute(self, resource: ModelDeployment, action: RevisionAction) -> None:
        await super().execute(resource, action)
        match action:
            case CreateWorkload(revision=revision, version=version, digest=digest, replicas=size):
                made = Workload(revision=revision, version=version, digest=digest, replicas=size, ready=size)
                self.workloads[revision] = made
            case ScaleWorkload(revision=revision, replicas=size):
                self.workloads[revision] = replace(self.workloads[revision], replicas=size, ready=size)
            case MarkPromoted(revision=revision, attempt=attempt):
                self.workloads[revision] = replace(self.workloads[revision], promoted_attempt=attempt)
            case DeleteWorkload(revision=revision):
                self.workloads.pop(revision, None)
            case _:
                raise AssertionError(f"not foreseen here: {action}")
        self.found = Children(workloads=tuple(self.workloads.values()), remains=frozenset(self.workloads))


@dataclass
class Rollout:
    """A resource whose requests go through the other provider, pass after pass."""

    outside: Cluster
    provider: WeightsOnly
    one: Reconciler
    watch: RegistryWatch

    async def passes(self, seconds: int) -> None:
        for _ in range(seconds * 2):
            self.outside.seconds += 0.5
            await self.one.reconcile(KEY)

    async def want(self, version: str) -> None:
        self.outside.version = version
        self.outside.ingest_status = IngestStatus(phase=IngestPhase.READY, card=card(version))
        await resolved(self.watch)

    def condition(self) -> Condition | None:
        return next((item for item in self.outside.status.conditions if item.type == "TrafficSupported"), None)

    @property
    def stable(self) -> str:
        stable = self.outside.status.stable
        return stable.version if stable else ""


async def second_version_wanted(**fields: Any) -> Rollout:
    """Version 1 serves, by a provider without copies, stickiness, second tries and counters; version 2 is wanted."""
    analysis = fields.pop("analysis", error_rate(minSamples=20))
    wish = canary(*STEPS, analysis=analysis, progressDeadline=f"{DEADLINE}s", **{**STICKY, **fields})
    outside = Cluster()
    assert outside.resource
    outside.resource = replace(outside.resource, spec=wish)
    provider = WeightsOnly(outside.ready)
    one, watch = reconciler(outside, traffic=provider)
    watch.follow(KEY, wish.registry)
    rollout = Rollout(outside, provider, one, watch)
    await rollout.want("1")
    await rollout.passes(5)
    assert (rollout.stable, outside.status.phase) == ("1", Phase.HEALTHY)
    await rollout.want("2")
    return rollout


async def test_a_first_version_serves_through_it() -> None:
    rollout = await second_version_wanted()
    (backend,) = rollout.provider.routes[KEY].backends
    assert backend.weight == 100
    ready = next(item for item in rollout.outside.status.conditions if item.type == "Ready")
    assert (ready.status, ready.reason) == ("True", "Serving")


async def test_the_resource_says_what_is_asked_for_in_vain_and_where() -> None:
    rollout = await second_version_wanted()
    await rollout.passes(1)
    said = rollout.condition()
    assert said
    assert (said.status, said.reason) == ("False", "TrafficNotSupported")
    for field_name in (
        "spec.strategy.canary.steps[0].setMirror",
        "spec.strategy.canary.stickiness",
        "error-rate needs",
    ):
        assert field_name in said.message
    assert ".match" not in said.message, "nothing asks for it, and it can do that"


async def test_the_tables_one_word_stays_with_the_rollout() -> None:
    rollout = await second_version_wanted()
    assert rollout.condition()
    assert rollout.outside.status.reason == "Serving"


async def test_nothing_that_it_cannot_do_is_ever_published() -> None:
    rollout = await second_version_wanted()
    await rollout.passes(2 * DEADLINE)
    assert rollout.provider.writes
    for split in rollout.provider.writes:
        assert (split.mirror, split.stickiness, split.rescue) == (None, None, None)


@pytest.mark.parametrize("undecided", ["Pause", "Promote", "Rollback"])
async def test_a_gate_without_evidence_never_promotes_and_says_whose_fault_that_is(undecided: str) -> None:
    rollout = await second_version_wanted(analysis=error_rate(minSamples=1, onInconclusive=undecided))
    await rollout.passes(10)
    assert "does not count tries" in rollout.outside.status.message
    await rollout.passes(2 * DEADLINE)
    record = rollout.outside.status.history[0]
    assert rollout.stable == "1"
    assert (record.version, record.completion) == ("2", Completion.ROLLED_BACK)
    assert record.reason == "ProgressDeadlineExceeded"
    (gate,) = (one for one in record.gates if one.name == "error-rate")
    assert (gate.verdict, gate.reason, gate.samples) == (Verdict.ERROR, "EvidenceNotSupported", 0)


async def test_where_nothing_needs_to_be_proven_it_is_promoted_and_only_the_rest_is_told() -> None:
    rollout = await second_version_wanted(analysis={"gates": []})
    await rollout.passes(DEADLINE)
    assert rollout.stable == "2"
    said = rollout.condition()
    assert said
    assert "spec.analysis" not in said.message


async def test_what_is_published_is_written_once() -> None:
    rollout = await second_version_wanted()
    before = len(rollout.provider.writes)
    await rollout.want("1")
    await rollout.passes(20)
    assert len(rollout.provider.writes) == before


async def test_our_own_provider_can_do_all_of_it_and_nobody_is_told() -> None:
    outside = Outside()
    assert outside.resource
    outside.resource = replace(outside.resource, spec=canary(*STEPS, analysis=error_rate(), **STICKY))
    one, _ = reconciler(outside, traffic=OutsideTraffic(outside))
    await one.reconcile(KEY)
    assert "TrafficSupported" not in {item.type for item in outside.status.conditions}


def limited(**lacking: bool) -> str:
    """What the condition says of a default spec, or of a blue/green one, where the provider lacks these."""
    world = on_trial(spec(strategy={"blueGreen": {}}, analysis=error_rate()))
    world.capabilities = replace(world.capabilities, **lacking)
    world.tick()
    return next((item.message for item in world.status.conditions if item.type == "TrafficSupported"), "")


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("header_match", "spec.strategy.blueGreen.match"),
        ("rescue", "not repeated on stable"),
        ("evidence", "tries are not counted, which error-rate needs"),
        ("mirror", ""),
        ("stickiness", ""),
    ],
)
def test_each_thing_that_is_lacking_is_told_where_the_spec_asks_for_it(lacking: str, said: str) -> None:
    told = limited(**{lacking: False})
    assert bool(told) == bool(said)
    assert said in told


def test_testers_headers_are_routed_like_all_others_where_it_cannot_match_them() -> None:
    world = on_trial(canary(weight(10), pause(), match=[{"headers": {"x-canary": "always"}}]))
    world.capabilities = replace(world.capabilities, header_match=False)
    until(world, is_paused)
    assert world.status.traffic
    assert world.status.traffic.desired.match == ()


def test_sticky_users_without_copies_are_told_to_be_compared_with_others() -> None:
    world = on_trial(canary(weight(10), pause(), **STICKY))
    world.capabilities = replace(world.capabilities, mirror=False)
    until(world, is_paused)
    (said,) = (item.message for item in world.status.conditions if item.type == "TrafficSupported")
    assert "compared on different users" in said
    assert world.status.traffic
    assert world.status.traffic.desired.mirror is None
    assert world.status.traffic.desired.stickiness


def test_a_mirror_step_without_copies_waits_for_no_samples_and_the_next_step_brings_them() -> None:
    world = on_trial(canary(*STEPS, analysis=error_rate(minSamples=20), progressDeadline="60s"))
    world.capabilities = replace(world.capabilities, mirror=False)
    world.requests = 1000
    world.settle()
    assert world.status.stable
    assert world.status.stable.version == "2"
    (gate,) = (one for one in world.status.history[0].gates if one.name == "error-rate")
    assert gate.verdict is Verdict.PASS


def test_a_person_may_promote_what_cannot_be_judged() -> None:
    world = on_trial(canary(weight(50), pause("1s"), analysis=error_rate(), progressDeadline="600s"))
    world.capabilities = replace(world.capabilities, evidence=False)
    for _ in range(10):
        world.tick()
    assert world.status.stable
    assert world.status.stable.version == "1"
    world.say(Verb.PROMOTE_FULL).settle()
    assert world.status.stable.version == "2"
