"""Rollouts whose versions are compared by labels that come late, and what the drift monitor is asked for that."""

import random
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from penstock_contracts.api.status import AttemptStage, GateStatus, ModelDeploymentStatus, Phase
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.base import evolve
from penstock_contracts.evidence import TryReason
from penstock_contracts.paired_quality import SHORTFALLS, PairedQualityReport
from penstock_contracts.quality import QualityMetric
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import LabelledPairs, MissingEvidence
from penstock_controller.rollout import labelled_pairs
from penstock_controller.rollout.monitor_answer import CountsAnswer, Monitoring
from penstock_testing.rollout_scenes import canary, condition, is_baking, last, on_trial, pause, stable, until
from penstock_testing.rollout_world import RolloutWorld, wanted
from penstock_testing.strategies import mirror, weight

Answer = CountsAnswer[PairedQualityReport]
COPY = mirror(100)
STEPS = (COPY, pause("20s"), weight(50), pause("5s"))
LATE = 900.0
"""Seconds from an answer to its label."""


def labelled(*steps: dict[str, object], bake: str = "0s", gate: dict[str, object] | None = None) -> ModelDeploymentSpec:
    """Read once a second, by the gates error-rate and live-quality."""
    entry = {"name": "live-quality", "metric": "accuracy", "minSamples": 100, "deadline": "1h", **(gate or {})}
    return canary(
        *(steps or STEPS),
        bake=bake,
        analysis={"interval": "1s", "gates": [{"name": "error-rate", "minSamples": 50}, entry]},
        predictor={"minReplicas": 4, "logger": {"mode": "all"}},
        drift={},
    )


@dataclass
class Labels:
    """What the drift monitor has counted: copied requests get their labels later, from somebody who knows the truth."""

    world: RolloutWorld
    lower: float = 0.0
    """By how much the candidate's accuracy is below stable's."""
    late: float = LATE
    draw: random.Random = field(default_factory=lambda: random.Random(1))
    found: LabelledPairs = field(default_factory=lambda: LabelledPairs(since="2026-01-01T00:00:00+00:00"))
    copies: int = 0
    due: list[tuple[datetime, int]] = field(default_factory=list)

    def look(self) -> tuple[object, ...]:
        """Count the copies since the last look, and the labels that have come by now."""
        copies = sum(
            tries
            for counters in self.world.counters.values()
            for (_, _, arm), tries in counters.tries.items()
            if arm is TryReason.SHADOW
        )
        new, self.copies = copies - self.copies, copies
        self.due.append((self.world.now + timedelta(seconds=self.late), new))
        come = sum(count for at, count in self.due if at <= self.world.now)
        self.due = [item for item in self.due if item[0] > self.world.now]
        self._label(come, new)
        return (self.found,)

    def _label(self, come: int, new: int) -> None:
        shares = list(self.found.shortfalls)
        for _ in range(come):
            chance = self.draw.random()
            shares[-1 if chance < 0.05 + self.lower else 0 if chance < 0.1 + self.lower else len(SHORTFALLS) // 2] += 1
        labels = self.found.labelled + come
        self.found = replace(
            self.found,
            pairs=self.found.pairs + new,
            labelled=labels,
            compared=labels,
            candidate_value=0.9 - self.lower if labels else None,
            stable_value=0.9 if labels else None,
            shortfalls=tuple(shares),
            older_pairs=labels // 2,
            older_labelled=labels // 2,
        )


def trial(spec: ModelDeploymentSpec, *, lower: float = 0.0, late: float = LATE) -> RolloutWorld:
    world = on_trial(spec)
    world.requests = 20
    world.measured = Labels(world, lower=lower, late=late).look
    world.monitoring = Monitoring(installed=True)
    return world


def gate(world: RolloutWorld, stage: AttemptStage = AttemptStage.TRIAL) -> GateStatus:
    return next(one for one in world.status.gates if (one.name, one.stage) == ("live-quality", stage))


def asked_of(world: RolloutWorld, revision: str) -> int:
    """Users' requests that a revision was given."""
    return sum(
        tries
        for counters in world.counters.values()
        for (_, of, arm), tries in counters.tries.items()
        if of == revision and arm is TryReason.USERS
    )


def ticked(world: RolloutWorld, seconds: float, step: float = 5.0) -> RolloutWorld:
    for _ in range(int(seconds / step)):
        world.tick(step)
    return world


def ended(world: RolloutWorld, step: float = 5.0) -> RolloutWorld:
    """Until the attempt of version 2 is over."""

    def over(world: RolloutWorld) -> bool:
        return last(world).version == "2" and world.status.candidate is None and world.status.previous is None

    return until(world, over, step)


# Labels that come late.


def test_a_worse_candidate_is_rolled_back_when_its_labels_have_come_and_no_user_saw_it() -> None:
    world = ended(trial(labelled(), lower=0.1))
    record = last(world)
    assert (record.version, record.reason, stable(world)) == ("2", "GateFailed", "1")
    assert record.message.startswith("live-quality: accuracy 0.8 beside stable's 0.9 (")
    assert "lower by more than 0.02, error level 0.25 %" in record.message
    assert asked_of(world, "rev2") == 0
    assert world.lost == 0


def test_an_equal_candidate_is_promoted_when_its_labels_have_come() -> None:
    world = ended(trial(labelled()))
    assert (stable(world), last(world).completion) == ("2", "Promoted")
    found = next(one for one in last(world).gates if one.name == "live-quality")
    assert (found.verdict, found.reason) == (Verdict.PASS, "WithinMargin")
    assert world.lost == 0


def test_while_labels_are_awaited_copies_go_on_and_the_deadline_of_the_attempt_stands_still() -> None:
    world = ticked(trial(labelled()), LATE - 100)
    assert world.status.candidate
    assert world.status.traffic
    assert world.status.traffic.desired.mirror
    assert world.status.traffic.desired.mirror.percentage == 100
    assert world.status.candidate.waited_seconds < 60
    assert asked_of(world, "rev2") == 0
    assert "no label has come for any of the" in world.status.message
    assert condition(world, "LiveEvidenceAvailable") == ("False", "NoLabels")
    ticked(world, 200)
    assert gate(world).samples > 0
    assert condition(world, "LiveEvidenceAvailable") == ("True", "Answered")


def test_labels_that_do_not_come_within_the_gates_deadline_end_the_attempt() -> None:
    world = ended(trial(labelled(), late=100_000), 20)
    record = last(world)
    assert (record.reason, stable(world)) == ("ProgressDeadlineExceeded", "1")
    assert record.message.startswith("1h are over (deadline of live-quality): live-quality: no label has come")
    assert world.lost == 0


def test_a_deadline_that_is_over_while_a_person_has_paused_the_attempt_waits_for_the_person() -> None:
    world = trial(labelled(COPY, pause(), weight(50), pause("5s")), late=100_000)
    ticked(world, 4000, 20)
    assert world.status.phase is Phase.PAUSED


def test_while_no_request_reaches_the_candidate_the_deadline_of_the_attempt_runs() -> None:
    world = trial(labelled(), late=100_000)
    world.requests = 0
    ended(world, 5)
    assert last(world).reason == "ProgressDeadlineExceeded"
    assert "spec.progressDeadline" in last(world).message


def test_a_gate_in_dry_run_waits_for_nobody() -> None:
    world = ended(trial(labelled(gate={"dryRun": True})), 1)
    assert (stable(world), last(world).completion) == ("2", "Promoted")
    found = next(one for one in last(world).gates if one.name == "live-quality")
    assert (found.dry_run, found.verdict) == (True, Verdict.INCONCLUSIVE)


def test_a_gate_that_need_not_decide_promotes_with_its_samples() -> None:
    spec = labelled(gate={"onInconclusive": "Promote", "minSamples": 100, "margin": {"absolute": "0.1%"}})
    world = ended(trial(spec))
    assert (stable(world), last(world).completion) == ("2", "Promoted")


def test_labels_that_come_after_the_promotion_can_still_take_it_back() -> None:
    world = trial(labelled(bake="2h", gate={"coverage": "1%"}))
    until(world, is_baking, 5)
    world.measured = Labels(world, lower=0.2, late=30, found=LabelledPairs(since="in the bake")).look
    ended(world)
    assert (last(world).reason, stable(world)) == ("GateFailed", "1")
    assert last(world).message.startswith("in the bake, live-quality: ")


def test_the_controller_may_begin_anew_while_labels_are_awaited() -> None:
    world = ticked(trial(labelled()), 400)
    world.resumed = True
    ended(world)
    assert (stable(world), last(world).completion) == ("2", "Promoted")


# A monitor that is away, or was.


def test_a_monitor_that_is_away_promotes_nothing_and_one_that_comes_back_is_believed() -> None:
    world = trial(labelled(), late=10)
    known, world.measured = world.measured, tuple
    away = Answer(away="the drift monitor does not answer: ConnectError")
    found = labelled_pairs.part(world.spec, world.status, away)
    assert isinstance(found, MissingEvidence)
    world.not_measured = {LabelledPairs: found}
    ticked(world, 600)
    assert (gate(world).verdict, gate(world).reason) == (Verdict.ERROR, "MonitorAway")
    assert (stable(world), world.status.phase) == ("1", Phase.PROGRESSING)
    assert condition(world, "LiveEvidenceAvailable") == ("False", "MonitorAway")
    world.measured, world.not_measured = known, {}
    ended(world)
    assert (stable(world), last(world).completion) == ("2", "Promoted")


def test_without_a_monitor_it_is_said_at_rest_and_nothing_is_promoted() -> None:
    world = RolloutWorld(spec=labelled()).want("1").settle(0.2)
    assert condition(world, "LiveEvidenceAvailable") == ("False", "NoMonitor")
    found = labelled_pairs.part(world.spec, world.status, Answer(installed=False))
    assert isinstance(found, MissingEvidence)
    world.want("2")
    world.not_measured = {LabelledPairs: found}
    ended(world, 20)
    assert (stable(world), last(world).reason) == ("1", "ProgressDeadlineExceeded")
    assert "no drift monitor is installed" in last(world).message


def test_at_rest_nothing_is_wrong_where_a_monitor_is_installed() -> None:
    world = RolloutWorld(spec=labelled(), monitoring=Monitoring(installed=True)).want("1").settle(0.2)
    assert condition(world, "LiveEvidenceAvailable") == ("True", "NotAsked")


def test_the_same_bytes_in_other_pods_are_not_held_up() -> None:
    world = RolloutWorld(spec=labelled()).want("1").settle(0.2)
    world.measured = lambda: tuple(filter(None, [labelled_pairs.part(world.spec, world.status, Answer())]))
    world.target = wanted("1", revision="rev1b")
    world.settle()
    assert world.status.stable
    assert world.status.stable.revision == "rev1b"


# What the monitor is asked.


def running(spec: ModelDeploymentSpec | None = None) -> tuple[ModelDeploymentSpec, ModelDeploymentStatus]:
    world = until(on_trial(spec or labelled()), lambda world: bool(world.status.evidence))
    return world.spec, world.status


def report(**fields: object) -> PairedQualityReport:
    return PairedQualityReport.model_validate(
        {
            "namespace": "ns",
            "name": "m",
            "attempt": 2,
            "stage": "trial",
            "candidate": "2",
            "stable": "1",
            "metric": "accuracy",
            "since": "2026",
            "pairs": 9,
            "labelled": 7,
            "unusable": 1,
            "unscaled": 0,
            "compared": 6,
            "candidate_value": 0.5,
            "stable_value": 0.6,
            "shortfalls": (0.0,) * len(SHORTFALLS),
            "scale": None,
            "positive": "1",
            "older_pairs": 4,
            "older_labelled": 3,
            **fields,
        }
    )


def test_it_is_asked_about_the_candidate_and_stable_by_the_gates_fields() -> None:
    spec, status = running(labelled(gate={"metric": "rmse", "margin": {"relative": "10%"}, "scale": 4}))
    found = labelled_pairs.wish(spec, status)
    assert found is not None
    assert (found.attempt, found.stage, found.candidate.version, found.stable.version) == (2, "trial", "2", "1")
    assert (found.metric, found.scale, found.margin) == (QualityMetric.RMSE, 4, 0.1)
    assert found.tolerated == pytest.approx(1.21)


def test_in_the_bake_it_is_asked_for_counts_of_their_own() -> None:
    world = until(trial(labelled(bake="1h"), late=10), is_baking, 5)
    found = labelled_pairs.wish(world.spec, world.status)
    assert found is not None
    assert (found.stage, found.candidate.version, found.stable.version) == ("bake", "2", "1")


def test_it_is_asked_only_where_the_gate_is_named_and_only_in_an_attempt() -> None:
    spec, status = running()
    without = evolve(spec, analysis=evolve(spec.analysis, gates=(spec.analysis.gates or ())[:1]))
    assert labelled_pairs.wish(without, status) is None
    assert labelled_pairs.part(without, status, Answer(report=report())) is None
    resting = RolloutWorld(spec=spec).want("1").settle(0.2)
    assert labelled_pairs.wish(resting.spec, resting.status) is None


def test_what_comes_within_its_initial_delay_is_not_counted() -> None:
    world = trial(labelled(gate={"initialDelay": "60s"}), late=5)
    until(world, lambda world: bool(world.status.evidence and world.status.evidence.since), 1)
    assert labelled_pairs.wish(world.spec, world.status) is None
    ticked(world, 80)
    assert labelled_pairs.wish(world.spec, world.status) is not None


def test_it_is_not_asked_about_the_same_bytes() -> None:
    spec, status = running()
    assert status.candidate
    assert status.stable
    same = evolve(status, candidate=evolve(status.candidate, digest=status.stable.digest))
    assert labelled_pairs.wish(spec, same) is None
    found = labelled_pairs.part(spec, same, Answer())
    assert isinstance(found, LabelledPairs)
    assert found.same_model


def test_its_answer_is_evidence() -> None:
    spec, status = running()
    found = labelled_pairs.part(spec, status, Answer(report=report()))
    assert isinstance(found, LabelledPairs)
    assert (found.pairs, found.labelled, found.compared, found.older_labelled) == (9, 7, 6, 3)


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
    found = labelled_pairs.part(spec, status, answer)
    assert isinstance(found, MissingEvidence)
    assert (found.verdict, found.reason) == (verdict, reason)
