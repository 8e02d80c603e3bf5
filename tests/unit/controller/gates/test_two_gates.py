"""Two gates that need different evidence: each has samples, figures and a say of its own."""

import re
from collections.abc import Callable
from itertools import count
from pathlib import Path

from penstock_contracts.api.analysis import Analysis
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import AttemptStage, GateStatus, Phase
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.catalogue import error_budget, gates_of
from penstock_controller.gates.error_rate import ErrorRate
from penstock_controller.gates.evidence import MissingEvidence
from penstock_controller.gates.gate import Gate
from penstock_testing.label_gate import LabelledAccuracy, LabelledAnswers
from penstock_testing.rollout_scenes import canary, error_rate, has, is_baking, last, on_trial, pause, stable, until
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight

ROOT = Path(__file__).parents[4]
LABELS_NEEDED = 60
TRIES_NEEDED = 100


def both(analysis: Analysis) -> tuple[Gate, ...]:
    labels = LabelledAccuracy(
        name="labelled-accuracy",
        min_samples=LABELS_NEEDED,
        min_step_samples=LABELS_NEEDED,
        config="least 0.8",
        least=0.8,
    )
    return (*gates_of(analysis), labels)


def two_gates(*, right: int = 10, undecided: str = "Pause", bake: str = "0s") -> RolloutWorld:
    """On trial with a rate that brings the tries soon, and ten labels with each look."""
    analysis = error_rate(minStepSamples=TRIES_NEEDED, onInconclusive=undecided)
    world = on_trial(canary(weight(50), pause("1s"), analysis=analysis, progressDeadline="60s", bake=bake))
    world.catalogue, world.measured = both, labels_with_each_look(right)
    world.requests = 400
    return until(world, has(50))


def labels_with_each_look(right: int) -> Callable[[], tuple[object, ...]]:
    """Ten labels more each time, of which so many say that the answer was right."""
    looks = count()

    def measured() -> tuple[object, ...]:
        look = next(looks)
        return (LabelledAnswers(labelled=10 * look, right=right * look),)

    return measured


def gate(world: RolloutWorld, name: str, stage: AttemptStage = AttemptStage.TRIAL) -> GateStatus:
    return next(one for one in world.status.gates if (one.name, one.stage) == (name, stage))


def test_each_gate_waits_for_its_own_samples() -> None:
    world = two_gates()
    until(world, lambda world: any(one.step_samples >= TRIES_NEEDED for one in world.status.gates))
    assert gate(world, "labelled-accuracy").step_samples < LABELS_NEEDED
    world.tick()
    assert "labelled-accuracy has seen" in world.status.message
    assert f"{LABELS_NEEDED} are needed (minStepSamples)" in world.status.message
    assert "error-rate has seen" not in world.status.message
    world.settle()
    assert stable(world) == "2"


def test_the_gate_with_fewer_samples_needed_does_not_wait_for_the_others_number() -> None:
    world = two_gates()
    world.settle()
    samples = {one.name: one.samples for one in last(world).gates}
    assert LABELS_NEEDED <= samples["labelled-accuracy"] < TRIES_NEEDED <= samples["error-rate"]


def test_a_gate_whose_evidence_does_not_come_holds_the_attempt_and_blames_nobody() -> None:
    world = two_gates()
    world.measured = tuple
    for _ in range(20):
        world.tick()
    waiting = gate(world, "labelled-accuracy")
    assert (waiting.verdict, waiting.reason) == (Verdict.INCONCLUSIVE, "NoEvidence")
    assert gate(world, "error-rate").verdict is Verdict.PASS
    assert (stable(world), world.status.phase) == ("1", Phase.PROGRESSING)
    world.settle()
    assert last(world).reason == "ProgressDeadlineExceeded"


def test_evidence_that_was_looked_for_in_vain_is_an_error_with_its_reason() -> None:
    world = two_gates()
    away = MissingEvidence(verdict=Verdict.ERROR, reason=Reason.MONITOR_AWAY, message="the drift monitor is away")
    world.measured, world.not_measured = tuple, {LabelledAnswers: away}
    for _ in range(5):
        world.tick()
    judged = gate(world, "labelled-accuracy")
    assert (judged.verdict, judged.reason, judged.message) == (away.verdict, away.reason, away.message)
    assert stable(world) == "1"


def test_no_labels_never_promote_where_undecided_promotes() -> None:
    world = two_gates(undecided="Promote")
    world.measured = tuple
    for _ in range(20):
        world.tick()
    assert stable(world) == "1"


def test_one_gate_that_fails_takes_the_version_back_and_is_named_with_its_numbers() -> None:
    world = two_gates(right=2)
    world.settle()
    record = last(world)
    assert record.reason == "GateFailed"
    assert record.message.startswith("labelled-accuracy: ")
    assert "labelled answers are right" in record.message
    tried = [one for one in record.gates if one.stage is AttemptStage.TRIAL]
    named = {one.name: [figure.name for figure in one.figures] for one in tried}
    assert named == {
        "error-rate": ["tries", "failures"],
        "labelled-accuracy": ["labelled answers", "right answers"],
    }


def test_counters_that_cannot_be_read_stop_only_the_gate_that_needs_them() -> None:
    world = two_gates()
    world.deaf = True
    for _ in range(8):
        world.tick()
    assert gate(world, "error-rate").verdict is Verdict.ERROR
    assert gate(world, "labelled-accuracy").verdict is Verdict.PASS
    assert stable(world) == "1"


def test_each_stage_begins_its_own_samples() -> None:
    world = until(two_gates(bake="1h"), is_baking)
    before = gate(world, "labelled-accuracy").samples
    for _ in range(3):
        world.tick()
    assert gate(world, "labelled-accuracy").samples == before
    assert gate(world, "labelled-accuracy", AttemptStage.BAKE).samples < before + 30


def test_only_statistical_gates_share_the_error_budget() -> None:
    (alone,) = gates_of(Analysis())
    assert isinstance(alone, ErrorRate)
    assert alone.limits.alpha == error_budget(1) == 2 * error_budget(2)
    beside = both(Analysis())[0]
    assert isinstance(beside, ErrorRate)
    assert beside.limits.alpha == alone.limits.alpha


def test_the_page_on_adding_a_gate_shows_this_gate_as_it_is() -> None:
    page = (ROOT / "docs/maintainer/adding-a-gate.md").read_text()
    code = (ROOT / "tests/support/src/penstock_testing/label_gate.py").read_text()
    shown = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert shown
    assert all(block in code for block in shown)
