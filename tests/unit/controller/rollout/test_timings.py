"""Rollouts with a gate on latencies: from gateway pods' histograms to the end of the attempt."""

import json
from collections.abc import Callable

from penstock_contracts.api.status import AttemptStage, EvidenceStatus, GateStatus
from penstock_contracts.evidence import TryReason
from penstock_contracts.verdict import Verdict
from penstock_controller.rollout import timings
from penstock_controller.rollout.observation import ArmTries, Reading
from penstock_testing.rollout_scenes import canary, has, is_baking, last, on_trial, pause, stable, until, wish
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

AS_STABLE = range(100, 130)
"""A median of some 20 ms."""
SLOWER = range(112, 142)
"""By 73 %."""
EDGES = (100, 104, 110)


def timed_rollout(candidate: range, *, bake: str = "0s", gates: tuple[str, ...] = ("latency-p50",)) -> RolloutWorld:
    analysis = {"interval": "1s", "gates": [{"name": name, "minSamples": 50} for name in gates]}
    steps = (weight(50), pause("1s"))
    world = on_trial(canary(*steps, analysis=analysis, progressDeadline="120s", bake=bake))
    world.latencies = {"rev1": AS_STABLE, "rev2": candidate}
    return until(world, has(50))


def gate(world: RolloutWorld) -> GateStatus:
    return next(one for one in world.status.gates if (one.name, one.stage) == ("latency-p50", AttemptStage.TRIAL))


def evidence_edges(world: RolloutWorld) -> tuple[int, ...]:
    return world.status.evidence.edges if world.status.evidence else ()


def has_samples(count: int) -> Callable[[RolloutWorld], bool]:
    return lambda world: bool(evidence_edges(world)) and gate(world).samples > count


def evidence(world: RolloutWorld) -> EvidenceStatus:
    assert world.status.evidence is not None
    return world.status.evidence


def tries_of(world: RolloutWorld, revision: str) -> int:
    slot = (world.status.attempt, revision, TryReason.USERS)
    return sum(counters.tries[slot] for counters in world.counters.values())


def test_a_version_as_fast_as_stable_is_promoted() -> None:
    world = timed_rollout(AS_STABLE).settle()
    assert stable(world) == "2"
    assert {one.verdict for one in last(world).gates} == {Verdict.PASS}


def test_a_slower_version_is_taken_back_with_its_latencies() -> None:
    record = last(timed_rollout(SLOWER).settle())
    assert record.reason == "GateFailed"
    assert record.message.startswith("latency-p50: ")
    assert "slower by more than 20 %" in record.message
    named = {figure.name: figure for one in record.gates for figure in one.figures}
    assert named["p50, ms"].candidate > 1.5 * (named["p50, ms"].stable or 0)


def test_a_version_that_becomes_slower_in_its_bake_is_taken_back() -> None:
    world = until(timed_rollout(AS_STABLE, bake="1h"), is_baking)
    world.latencies["rev2"] = SLOWER
    until(world, lambda world: stable(world) == "1")
    judged = {one.stage: one.verdict for one in last(world.settle()).gates if one.name == "latency-p50"}
    assert judged == {AttemptStage.TRIAL: Verdict.PASS, AttemptStage.BAKE: Verdict.FAIL}


def test_each_try_since_the_first_threshold_is_counted_once() -> None:
    world = timed_rollout(AS_STABLE)
    until(world, lambda world: bool(evidence(world).edges))
    begun = tries_of(world, "rev2")
    until(world, has_samples(500))
    assert gate(world).samples <= tries_of(world, "rev2") - begun
    assert gate(world).samples >= tries_of(world, "rev2") - begun - 2 * 2 * world.requests


def test_a_gateway_pod_that_starts_anew_or_is_silent_takes_nothing_back() -> None:
    world = timed_rollout(AS_STABLE)
    until(world, has_samples(200))
    world.counters["gw-0"].restart()
    world.silent = {"gw-1"}
    before = gate(world).samples
    world.tick(1.0)
    world.silent = set()
    world.tick(1.0)
    assert before < gate(world).samples < before + 6 * world.requests
    world.settle()
    assert stable(world) == "2"


def test_gateway_pods_count_latencies_in_an_attempt_with_a_gate_on_them_only() -> None:
    assert wish(timed_rollout(AS_STABLE)).timed
    assert wish(until(timed_rollout(AS_STABLE, bake="1h"), is_baking)).timed
    assert not wish(timed_rollout(AS_STABLE, gates=("error-rate",))).timed
    assert not wish(timed_rollout(AS_STABLE).settle()).timed


def test_without_a_gate_on_latencies_nothing_of_them_is_written() -> None:
    world = timed_rollout(AS_STABLE, gates=("error-rate",))
    world.tick(1.0)
    world.tick(1.0)
    assert (evidence(world).edges, evidence(world).timings) == ((), {})


def reading(source: str, latencies: dict[int, int], revision: str = "8c1f2d3e") -> Reading:
    tries = ArmTries(
        revision=revision, arm=TryReason.USERS, tries=sum(latencies.values()), failures=0, latencies=latencies
    )
    return Reading(source=source, tries=(tries,))


def status(readings: tuple[Reading, ...], edges: tuple[int, ...] = EDGES) -> EvidenceStatus:
    texts = {reading.source: "" for reading in readings}
    return EvidenceStatus(
        attempt=1, taken_at="", readings=texts, edges=edges, timings=timings.to_texts(readings, edges)
    )


def test_an_interval_is_the_difference_at_each_edge_and_the_histogram_is_read_whole() -> None:
    before = status((reading("gw-0/1", {90: 5, 104: 5, 105: 5, 120: 5}),))
    now = (reading("gw-0/1", {90: 6, 104: 7, 105: 8, 120: 9}),)
    found = timings.timed_tries(before, now, "8c1f2d3e", (TryReason.USERS,))
    assert (found.tries, found.longer) == (10, {100: 9, 104: 7, 110: 4})
    assert found.so_far == {90: 6, 104: 7, 105: 8, 120: 9}


def test_a_pod_that_is_new_counts_from_0() -> None:
    found = timings.timed_tries(status(()), (reading("gw-0/1", {120: 9}),), "8c1f2d3e", (TryReason.USERS,))
    assert (found.tries, found.longer) == (9, {100: 9, 104: 9, 110: 9})


def test_a_pod_that_was_silent_while_other_edges_were_asked_for_is_left_out_once() -> None:
    before = status((reading("gw-0/1", {120: 9}),))
    assert timings.next_texts(before, (), EDGES, ["gw-0/1"]) == before.timings
    assert timings.next_texts(before, (), (7,), ["gw-0/1"]) == {}
    silent = EvidenceStatus(attempt=1, taken_at="", readings={"gw-0/1": ""}, edges=(7,), timings={})
    assert timings.timed_tries(silent, (reading("gw-0/1", {120: 12}),), "8c1f2d3e", (TryReason.USERS,)).tries == 0


def test_a_text_that_a_person_edited_is_left_out() -> None:
    for text in ("nonsense", "8c1f2d3e users 3 1", "8c1f2d3e users a b c d"):
        before = EvidenceStatus(attempt=1, taken_at="", readings={"gw-0/1": ""}, edges=EDGES, timings={"gw-0/1": text})
        found = timings.timed_tries(before, (reading("gw-0/1", {120: 12}),), "8c1f2d3e", (TryReason.USERS,))
        assert (found.tries, found.so_far) == (0, {120: 12})


def test_a_hundred_gateway_pods_and_three_gates_take_less_than_thirty_kilobytes_of_status() -> None:
    edges = tuple(range(100, 109))
    pods = [f"penstock-gateway-7d4b9c6f5d-{number:05d}/1795954321.123456" for number in range(100)]
    latencies = dict.fromkeys(range(80, 180), 99_999)
    readings = []
    for pod in pods:
        arms = (("8c1f2d3e", TryReason.USERS), ("9a0b1c2d", TryReason.USERS))
        tries = tuple(
            ArmTries(revision=revision, arm=arm, tries=1, failures=0, latencies=latencies) for revision, arm in arms
        )
        readings.append(Reading(source=pod, tries=tries))
    assert len(json.dumps(timings.to_texts(readings, edges))) < 30_000
