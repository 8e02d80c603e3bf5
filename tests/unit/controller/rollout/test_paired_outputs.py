"""Rollouts whose versions are compared by their predictions for the same inputs."""

import random
from dataclasses import dataclass, field, replace

import pytest

from penstock_contracts.api.analysis import Analysis
from penstock_contracts.api.status import AttemptStage, GateResult, GateStatus, ModelDeploymentStatus, Phase
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.divergence import DIFFERENCE_BINS, DivergenceReport
from penstock_contracts.evidence import TryReason
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import MissingEvidence, PairedOutputs
from penstock_controller.rollout import paired_outputs
from penstock_controller.rollout.monitor_answer import CountsAnswer
from penstock_testing.rollout_scenes import canary, condition, has, is_baking, last, on_trial, pause, stable, until
from penstock_testing.rollout_world import ABLE_TO_DO_ALL, RolloutWorld, wanted
from penstock_testing.strategies import mirror, weight

Answer = CountsAnswer[DivergenceReport]
GATE: dict[str, object] = {"name": "prediction-divergence"}
COPY, LOOK = mirror(100), pause("20s")


def compared(*steps: dict[str, object], bake: str = "0s", **fields: object) -> ModelDeploymentSpec:
    """Read once a second, by the gates error-rate and prediction-divergence."""
    gates = [{"name": "error-rate", "minSamples": 50}, GATE]
    recorded = {"minReplicas": 4, "logger": {"mode": "all"}}
    return canary(*steps, bake=bake, analysis={"interval": "1s", "gates": gates}, predictor=recorded, **fields)


@dataclass
class Predictions:
    """What the drift monitor has counted: predictions of both versions for copied requests."""

    world: RolloutWorld
    shuffled: bool = False
    """The candidate gives each caller the answer to another one's request."""
    draw: random.Random = field(default_factory=lambda: random.Random(1))
    found: PairedOutputs = field(default_factory=lambda: PairedOutputs(since="2026-01-01T00:00:00+00:00"))
    copies: int = 0

    def look(self) -> tuple[object, ...]:
        """Count the pairs of the requests that were copied since the last look."""
        copies = sum(
            tries
            for counters in self.world.counters.values()
            for (_, _, arm), tries in counters.tries.items()
            if arm is TryReason.SHADOW
        )
        new, self.copies = copies - self.copies, copies
        stable = [self.draw.random() < 0.3 for _ in range(new)]
        candidate = self.draw.sample(stable, new) if self.shuffled else stable
        flips = sum(one != other for one, other in zip(stable, candidate, strict=True))
        found = self.found
        self.found = replace(
            found, pairs=found.pairs + new, classified=found.classified + new, flips=found.flips + flips
        )
        return (self.found,)


def trial(spec: ModelDeploymentSpec, *, shuffled: bool = False) -> RolloutWorld:
    world = on_trial(spec)
    world.measured = Predictions(world, shuffled).look
    return world


def gate(world: RolloutWorld, stage: AttemptStage = AttemptStage.TRIAL) -> GateStatus:
    return next(one for one in world.status.gates if (one.name, one.stage) == (GATE["name"], stage))


def gate_of_record(world: RolloutWorld) -> GateResult:
    return next(one for one in last(world).gates if one.name == GATE["name"])


def asked_of(world: RolloutWorld, revision: str) -> int:
    """Users' requests that a revision was given."""
    return sum(
        tries
        for counters in world.counters.values()
        for (_, of, arm), tries in counters.tries.items()
        if of == revision and arm is TryReason.USERS
    )


def test_a_candidate_with_shuffled_answers_is_rolled_back_in_the_mirror_step_and_no_user_saw_it() -> None:
    world = trial(compared(COPY, LOOK, weight(50), pause("5s")), shuffled=True)
    world.settle()
    record = last(world)
    assert (record.version, record.reason, stable(world)) == ("2", "GateFailed", "1")
    assert record.message.startswith("prediction-divergence: ")
    assert "predictions differ" in record.message
    assert "more than 1 %, error level 0.25 %" in record.message
    assert asked_of(world, "rev2") == 0
    assert world.lost == 0
    named = {one.name: one.verdict for one in record.gates}
    assert named["error-rate"] is not Verdict.FAIL


def test_a_candidate_with_equal_answers_is_promoted() -> None:
    world = trial(compared(COPY, LOOK, weight(50), pause("5s")))
    world.settle()
    assert (stable(world), last(world).completion) == ("2", "Promoted")
    (found,) = [one for one in last(world).gates if one.name == GATE["name"]]
    assert found.verdict is Verdict.PASS
    assert [figure.name for figure in found.figures] == ["pairs", "flips", "recorded rows"]


def test_copies_of_sticky_users_requests_at_stable_are_compared_too() -> None:
    spec = compared(weight(20), LOOK, stickiness={"header": "x-user"})
    world = trial(spec, shuffled=True)
    world.settle()
    assert (last(world).reason, stable(world)) == ("GateFailed", "1")
    assert last(world).message.startswith("prediction-divergence: ")


def test_a_step_waits_for_its_pairs() -> None:
    world = trial(compared(COPY, pause("1s"), weight(50), pause("1s")))
    world.requests = 1
    for _ in range(15):
        world.tick(1)
    assert "prediction-divergence has seen" in world.status.message
    assert "100 are needed (minStepSamples)" in world.status.message
    assert asked_of(world, "rev2") == 0


def test_the_last_step_that_brings_pairs_is_not_left_before_the_gate_has_passed() -> None:
    """Otherwise it could never pass, and a good version would be taken back at the deadline."""
    world = trial(compared(COPY, pause("1s"), weight(50), pause("1s")))
    world.requests = 20
    until(world, lambda world: any(one.step_samples > 150 for one in world.status.gates if one.name == GATE["name"]), 1)
    assert gate(world).verdict is Verdict.INCONCLUSIVE
    assert "no later step brings it evidence" in world.status.message
    assert asked_of(world, "rev2") == 0
    world.settle()
    assert (stable(world), gate_of_record(world).verdict) == ("2", Verdict.PASS)


def test_a_gate_that_need_not_decide_lets_the_step_be_left_with_its_samples() -> None:
    spec = compared(COPY, pause("1s"), weight(50), pause("1s"))
    hasty = {**GATE, "onInconclusive": "Promote", "minSamples": 100}
    world = trial(evolve(spec, analysis=Analysis.model_validate({"interval": "1s", "gates": [hasty]})))
    world.requests = 20
    until(world, has(50), 1)
    assert gate(world).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("rate", "low", "high"), [(1.0, 5, 80), (0.1, 90, 600)])
def test_the_forecast_knows_how_many_requests_are_recorded(rate: float, low: float, high: float) -> None:
    spec = compared(COPY, pause("1s"), weight(50), pause("1s"))
    assert spec.predictor.logger
    logger = evolve(spec.predictor.logger, sample_rate=rate)
    world = trial(evolve(spec, predictor=evolve(spec.predictor, logger=logger)))
    world.requests = 20
    until(world, lambda world: bool(world.status.candidate and world.status.candidate.forecast), 1)
    assert world.status.candidate
    assert world.status.candidate.forecast
    assert low < world.status.candidate.forecast.seconds < high


def test_pairs_that_never_come_promote_nothing_and_blame_nobody() -> None:
    world = on_trial(compared(COPY, pause("1s"), weight(50), pause("1s"), progressDeadline="60s"))
    world.measured = lambda: (PairedOutputs(since="2026", candidate_rows=40),)
    for _ in range(20):
        world.tick(1)
    found = gate(world)
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, "NoPairs")
    world.settle()
    assert (stable(world), last(world).reason) == ("1", "ProgressDeadlineExceeded")


def test_a_monitor_that_is_away_is_an_error_that_promotes_nothing() -> None:
    world = on_trial(compared(COPY, pause("1s")))
    away = Answer(away="the drift monitor does not answer: ConnectError")
    found = paired_outputs.part(world.spec, world.status, away)
    assert isinstance(found, MissingEvidence)
    world.not_measured = {PairedOutputs: found}
    until(world, lambda world: any(one.name == GATE["name"] for one in world.status.gates), 1)
    judged = gate(world)
    assert (judged.verdict, judged.reason) == (Verdict.ERROR, "MonitorAway")
    assert (stable(world), world.status.phase) == ("1", Phase.PROGRESSING)


def test_the_same_bytes_in_other_pods_are_not_held_up() -> None:
    world = RolloutWorld(spec=compared(COPY, pause("1s"), weight(50), pause("1s"))).want("1").settle(0.2)
    world.measured = lambda: tuple(filter(None, [paired_outputs.part(world.spec, world.status, Answer())]))
    world.target = wanted("1", revision="rev1b")
    world.settle()
    assert world.status.stable
    assert world.status.stable.revision == "rev1b"
    (found,) = [one for one in last(world).gates if one.name == GATE["name"]]
    assert (found.verdict, found.reason) == (Verdict.PASS, "SameModel")


def test_the_bake_counts_anew() -> None:
    world = until(trial(compared(COPY, LOOK, bake="1h")), is_baking)
    before = gate(world).samples
    for _ in range(5):
        world.tick(1)
    assert gate(world).samples == before
    assert gate(world, AttemptStage.BAKE).samples > 0


def test_a_traffic_provider_that_copies_nothing_is_told_in_a_condition() -> None:
    world = on_trial(compared(COPY, pause("1s"), weight(50), pause("1s")))
    world.capabilities = replace(ABLE_TO_DO_ALL, mirror=False)
    for _ in range(5):
        world.tick(1)
    assert condition(world, "TrafficSupported") == ("False", "TrafficNotSupported")
    (told,) = [one.message for one in world.status.conditions if one.type == "TrafficSupported"]
    assert "no request is copied, which prediction-divergence needs" in told


# What the monitor is asked.


def running() -> tuple[ModelDeploymentSpec, ModelDeploymentStatus]:
    world = until(on_trial(compared(COPY, LOOK)), lambda world: bool(world.status.evidence))
    return world.spec, world.status


def report(**fields: object) -> DivergenceReport:
    counts = {"candidate_rows": 9, "stable_rows": 8, "pairs": 7, "classified": 7, "flips": 1, "scored": 0}
    return DivergenceReport.model_validate(
        {
            "namespace": "ns",
            "name": "m",
            "attempt": 2,
            "candidate": "2",
            "stable": "1",
            "since": "2026",
            "total_difference": 0.0,
            "differences": (0,) * DIFFERENCE_BINS,
            "scale": None,
            "unscaled": 0,
            "unpredicted": 0,
            "repeated": 0,
            **counts,
            **fields,
        }
    )


def test_it_is_asked_about_the_candidate_and_stable_of_the_attempt() -> None:
    spec, status = running()
    found = paired_outputs.wish(spec, status)
    assert found is not None
    assert (found.attempt, found.candidate.version, found.stable.version) == (status.attempt, "2", "1")


def test_in_the_bake_it_is_asked_about_the_same_two() -> None:
    world = until(trial(compared(COPY, LOOK, bake="1h")), is_baking)
    found = paired_outputs.wish(world.spec, world.status)
    assert found is not None
    assert (found.candidate.version, found.stable.version) == ("2", "1")


@pytest.mark.parametrize("gates", [None, (), ("error-rate",)])
def test_it_is_asked_only_where_a_gate_needs_it(gates: tuple[str, ...] | None) -> None:
    spec, status = running()
    entries = None if gates is None else [{"name": name} for name in gates]
    without = ModelDeploymentSpec.model_validate(spec.model_dump(by_alias=True) | {"analysis": {"gates": entries}})
    assert paired_outputs.wish(without, status) is None
    assert paired_outputs.part(without, status, Answer(report=report())) is None


def test_it_is_not_asked_at_rest() -> None:
    world = RolloutWorld(spec=compared(COPY, LOOK)).want("1").settle(0.2)
    assert paired_outputs.wish(world.spec, world.status) is None


def test_it_is_not_asked_about_the_same_bytes() -> None:
    spec, status = running()
    assert status.candidate
    assert status.stable
    same = evolve(status, candidate=evolve(status.candidate, digest=status.stable.digest))
    assert paired_outputs.wish(spec, same) is None
    found = paired_outputs.part(spec, same, Answer())
    assert isinstance(found, PairedOutputs)
    assert found.same_model


def test_its_answer_is_evidence() -> None:
    spec, status = running()
    found = paired_outputs.part(spec, status, Answer(report=report()))
    assert isinstance(found, PairedOutputs)
    assert (found.pairs, found.flips, found.candidate_rows, found.stable_rows) == (7, 1, 9, 8)


@pytest.mark.parametrize(
    ("answer", "verdict", "reason"),
    [
        (Answer(), Verdict.INCONCLUSIVE, "NoEvidence"),
        (Answer(installed=False), Verdict.ERROR, "NoMonitor"),
        (Answer(report=report(), away="it does not answer"), Verdict.ERROR, "MonitorAway"),
    ],
    ids=["not answered yet", "not installed", "away"],
)
def test_without_an_answer_there_is_no_evidence(answer: Answer, verdict: Verdict, reason: str) -> None:
    spec, status = running()
    found = paired_outputs.part(spec, status, answer)
    assert isinstance(found, MissingEvidence)
    assert (found.verdict, found.reason) == (verdict, reason)
