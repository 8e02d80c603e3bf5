"""When the gateways' counters are read, and which readings make an interval that is judged."""

from datetime import timedelta

import pytest

from penstock_contracts.api.status import AttemptStage, GateStatus
from penstock_contracts.evidence import TryReason
from penstock_testing.rollout_scenes import canary, has, is_baking, last, on_trial, pause, stable, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

TWO_STEPS = (weight(10), pause("25s"), weight(50), pause("25s"))


def gated(*steps: dict[str, object], bake: str = "0s", sticky: str = "", **gate: object) -> RolloutWorld:
    """On trial, with one gate that is read every 10 s."""
    analysis = {"interval": "10s", "gates": [{"name": "error-rate", **gate}]}
    stickiness = {"stickiness": {"header": sticky}} if sticky else {}
    world = on_trial(canary(*(steps or TWO_STEPS), analysis=analysis, bake=bake, **stickiness))
    world.requests = 100
    return world


def judged(world: RolloutWorld, stage: AttemptStage = AttemptStage.TRIAL) -> GateStatus | None:
    return next((gate for gate in world.status.gates if gate.stage is stage), None)


def readings(world: RolloutWorld, seconds: float) -> list[tuple[float, str]]:
    """When counters are read within so many seconds, and with which shares; the engine is asked ten times a second."""
    began, found = world.now, []
    before = world.status.evidence
    while world.now - began < timedelta(seconds=seconds):
        world.tick(0.1)
        evidence = world.status.evidence
        if evidence and evidence != before:
            found.append((round((world.now - began).total_seconds(), 1), evidence.shares))
        before = evidence
    return found


def test_counters_are_read_when_shares_have_changed_soon_after_and_at_the_end_of_the_pause() -> None:
    world = until(gated(), has(10), 0.1)
    found = readings(world, 26)
    times = [at for at, shares in found if shares == "rev2 10, rev1 90"]
    first = times[0]
    assert first <= 0.2
    assert [round(at - first, 1) for at in times] == pytest.approx([0, 1.3, 2.5, 3.8, 5, 10, 20, 25], abs=0.2)


def test_no_interval_that_is_judged_holds_tries_of_two_shares() -> None:
    world = gated()
    shares: dict[str, int] = {}
    before, samples = "", 0
    for _ in range(700):
        world.tick(0.1)
        evidence, gate = world.status.evidence, judged(world)
        if evidence is None or gate is None:
            continue
        if gate.samples > samples:
            assert evidence.shares == before, "an interval was judged in which shares changed"
            shares[evidence.shares] = shares.get(evidence.shares, 0) + gate.samples - samples
        before, samples = evidence.shares, gate.samples
    assert {"rev2 10, rev1 90", "rev2 50, rev1 50"} <= shares.keys()
    assert stable(world) == "2"


def test_an_outage_that_ends_before_the_promotion_does_not_take_back_a_good_version() -> None:
    """Both versions fail while the candidate still gets half of the requests, and are well when it gets all."""
    world = gated(weight(50), pause("60s"), bake="60s")
    until(world, has(50), 0.5)
    for _ in range(60):
        world.tick(0.5)
    world.failing = {"rev1": 0.5, "rev2": 0.5}
    for _ in range(56):
        world.tick(0.5)
    world.failing = {}
    until(world, is_baking, 0.5)
    world.settle(0.5)
    assert last(world).completion == "Promoted"


def test_the_bake_begins_with_a_reading_of_its_own() -> None:
    world = until(gated(weight(50), pause("12s"), bake="60s"), is_baking, 0.1)
    for _ in range(30):
        world.tick(0.1)
    evidence = world.status.evidence
    assert evidence
    assert evidence.stage is AttemptStage.BAKE
    assert evidence.since == evidence.shares_since
    assert evidence.shares == "rev2 100, copies of 20 % to rev1"


def test_what_happens_in_the_initial_delay_is_not_counted_in_the_trial_and_again_in_the_bake() -> None:
    world = gated(weight(50), pause("20s"), bake="60s", initialDelay="10s", minSamples=20)
    world.failing = {"rev2": 1.0}
    until(world, has(50), 0.5)
    for _ in range(16):
        world.tick(0.5)
    gate = judged(world)
    assert gate
    assert (gate.verdict, gate.reason, gate.samples) == ("inconclusive", "InitialDelay", 0)
    assert "nothing is counted for 10 s" in gate.message
    world.failing = {}
    until(world, is_baking, 0.5)
    world.failing = {"rev2": 1.0}
    for _ in range(16):
        world.tick(0.5)
    world.failing = {}
    assert is_baking(world)
    world.settle(0.5)
    assert last(world).completion == "Promoted"
    figures = (figure for gate in last(world).gates for figure in gate.figures)
    assert [figure.candidate for figure in figures if figure.name == "failures"] == [0, 0]


def test_a_gate_in_dry_run_is_shown_and_decides_nothing() -> None:
    world = gated(weight(50), pause("20s"), dryRun=True)
    world.failing = {"rev2": 0.5}
    world.settle(0.5)
    assert last(world).completion == "Promoted"
    gate = last(world).gates[-1]
    assert (gate.verdict, gate.dry_run) == ("fail", True)


def test_a_gates_own_word_on_what_is_undecided_goes_before_that_of_all() -> None:
    def undecided(own: str) -> RolloutWorld:
        margin = {"absolute": "1%"}
        world = gated(weight(50), pause("20s"), margin=margin, passMargin=margin, onInconclusive=own)
        world.failing = {"rev1": 0.02, "rev2": 0.03}
        return world.settle(0.5)

    assert last(undecided("Promote")).completion == "Promoted"
    assert last(undecided("Rollback")).reason == "Inconclusive"


def test_users_that_are_sticky_are_compared_on_the_same_requests() -> None:
    """Copies of what the candidate answers go to stable, which so answers no more than before."""
    world = until(gated(weight(10), pause("1h"), sticky="x-user"), has(10), 0.5)
    assert world.status.traffic
    mirror = world.status.traffic.desired.mirror
    assert mirror
    assert (mirror.source, mirror.revision, mirror.percentage) == ("rev2", "rev1", 100)
    for _ in range(60):
        world.tick(0.5)
    gate = judged(world)
    assert gate
    tries = gate.figures[0]
    assert tries.stable == tries.candidate > 0


def test_a_hundred_gateway_pods_are_read_and_none_is_counted_twice() -> None:
    world = until(gated(weight(50), pause("1h")), has(50), 0.5)
    for number in range(2, 100):
        world.gateways[f"gw-{number}"] = world.gateways["gw-0"]
    world.requests = 10
    for _ in range(20):
        world.tick(0.5)
    assert world.status.evidence
    assert len(world.status.evidence.readings) == 100
    before = judged(world)
    world.requests = 0
    for _ in range(60):
        world.tick(0.5)
    served = sum(counters.tries[2, "rev2", TryReason.USERS] for counters in world.counters.values())
    after = judged(world)
    assert before
    assert after
    assert before.samples < after.samples <= served
