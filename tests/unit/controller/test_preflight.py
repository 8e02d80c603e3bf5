"""The gate `preflight`: what is not compatible with the version that serves never gets a pod."""

from dataclasses import dataclass

import pytest

from penstock_contracts.api.analysis import Analysis
from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import AttemptStage, Completion, ModelDeploymentStatus, Phase
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.model_card import ModelCard, ModelCost
from penstock_contracts.verbs import Verb
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.catalogue import preflight_of
from penstock_controller.gates.evidence import ComparedCards, Evidence, MissingEvidence
from penstock_controller.rollout.decision import CreateWorkload
from penstock_testing.model_cards import a_card
from penstock_testing.rollout_scenes import canary, condition, error_rate, last, pause, stable
from penstock_testing.rollout_world import RolloutWorld, wanted
from penstock_testing.strategies import weight

OTHER_INPUT = a_card(inputs=[("features", "FP32", (-1, 3))])
LOST = MissingEvidence(
    verdict=Verdict.INCONCLUSIVE, reason=Reason.NOT_COMPARABLE, message="the store lost version 1, which serves"
)


def spec_with(*gates: dict[str, object]) -> ModelDeploymentSpec:
    """A canary of one step, with these gates."""
    return canary(weight(50), pause("1s"), analysis={"interval": "1s", "gates": list(gates)})


def serving() -> RolloutWorld:
    """Version 1 serves; its input is `x`."""
    world = RolloutWorld(spec=spec_with({"name": "preflight"})).want("1").settle(0.2)
    world.actions.clear()
    world.announcements.clear()
    return world


def undecided() -> RolloutWorld:
    """Version 1 serves, and the model store has no card of it any more."""
    world = serving()
    world.not_measured = {ComparedCards: LOST}
    return world


def creations(world: RolloutWorld) -> list[CreateWorkload]:
    return [action for action in world.actions if isinstance(action, CreateWorkload)]


def test_a_version_with_another_input_never_gets_a_pod_and_stable_goes_on_serving() -> None:
    world = serving()
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    assert not creations(world)
    assert (stable(world), world.status.phase, world.lost) == ("1", Phase.HEALTHY, 0)
    assert "input 'x' is named 'features' now" in world.status.message
    record = last(world)
    assert (record.completion, record.reason) == (Completion.REFUSED, "PreflightFailed")
    (gate,) = record.gates
    assert (gate.name, gate.stage, gate.verdict, gate.reason) == (
        "preflight",
        AttemptStage.PREFLIGHT,
        Verdict.FAIL,
        "Incompatible",
    )
    assert condition(world, "Stalled") == ("True", "PreflightFailed")
    assert condition(world, "Ready") == ("True", "Serving")


def test_users_and_mlflow_are_told_of_it_once() -> None:
    world = serving()
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    (told,) = world.announcements
    assert (told.type, told.reason, told.completion, told.attempt) == ("Warning", "PreflightFailed", "Refused", 2)
    assert "input 'x' is named 'features' now" in told.message
    (outcome,) = (shown for (_, version), shown in world.registry.outcomes.items() if version == "2")
    assert (outcome.completion, outcome.reason) == ("Refused", "PreflightFailed")


def test_it_is_not_tried_again_by_itself_and_nothing_is_written_at_rest() -> None:
    world = serving()
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    attempt, writes = world.status.attempt, world.writes
    for _ in range(10):
        world.tick(60)
    assert (world.status.attempt, world.writes) == (attempt, writes)


def test_a_retry_looks_again() -> None:
    world = serving()
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    world.say(Verb.RETRY).settle()
    assert (last(world).attempt, last(world).reason) == (3, "PreflightFailed")
    assert not creations(world)


def test_the_next_version_is_judged_by_itself() -> None:
    world = serving()
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    world.want("3").settle()
    assert stable(world) == "3"
    assert condition(world, "Stalled") == ("False", "NotStalled")


def test_a_change_that_is_accepted_for_the_version_is_tried_and_told() -> None:
    world = serving()
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    world.edit(spec_with({"name": "preflight", "acceptVersion": "2"})).settle()
    assert stable(world) == "2"
    gate = last(world).gates[0]
    assert (gate.verdict, gate.reason) == (Verdict.PASS, "ChangeAccepted")
    assert "accepted (acceptVersion: 2): input 'x' is named 'features' now" in gate.message


def test_a_change_that_is_accepted_for_one_version_is_not_for_the_next() -> None:
    world = serving()
    world.edit(spec_with({"name": "preflight", "acceptVersion": "2"}))
    world.cards[wanted("3").digest] = OTHER_INPUT
    world.want("3").settle()
    assert (stable(world), last(world).reason) == ("1", "PreflightFailed")


def test_it_looks_though_the_spec_names_other_gates_only() -> None:
    world = RolloutWorld(spec=canary(weight(50), pause("1s"), analysis=error_rate())).want("1").settle(0.2)
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    assert (stable(world), last(world).reason) == ("1", "PreflightFailed")


def test_where_nothing_needs_to_be_proven_it_does_not_look() -> None:
    world = RolloutWorld(spec=canary(weight(50))).want("1").settle(0.2)
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    assert stable(world) == "2"


def test_dry_run_shows_what_it_says_and_stops_nothing() -> None:
    world = serving()
    world.edit(spec_with({"name": "preflight", "dryRun": True}))
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    assert stable(world) == "2"
    gate = last(world).gates[0]
    assert (gate.verdict, gate.dry_run) == (Verdict.FAIL, True)


def test_what_cannot_be_compared_starts_nothing_and_a_person_is_told_what_to_do() -> None:
    world = undecided()
    world.want("2").settle()
    assert not creations(world)
    assert (stable(world), world.status.attempt) == ("1", 1)
    assert condition(world, "Stalled") == ("True", "NotComparable")
    assert world.status.message.startswith("version 2 is not started: preflight: the store lost version 1")
    assert [(gate.stage, gate.verdict) for gate in world.status.gates] == [
        (AttemptStage.PREFLIGHT, Verdict.INCONCLUSIVE)
    ]


def test_undecided_is_over_when_another_version_is_wanted() -> None:
    world = undecided()
    world.want("2").settle()
    world.want("1").settle()
    assert world.status.gates == ()
    assert condition(world, "Stalled") == ("False", "NotStalled")


@pytest.mark.parametrize(("rule", "served", "tried"), [("Promote", "2", "Promoted"), ("Rollback", "1", "Refused")])
def test_undecided_starts_or_is_refused_where_the_gate_says_so(rule: str, served: str, tried: str) -> None:
    world = undecided()
    world.edit(spec_with({"name": "preflight", "onInconclusive": rule}))
    world.want("2").settle()
    assert (stable(world), last(world).completion) == (served, tried)


def test_a_store_that_is_away_blames_nobody_and_it_looks_again_by_itself() -> None:
    world = serving()
    away = MissingEvidence(verdict=Verdict.ERROR, reason=Reason.STORE_AWAY, message="the model store does not answer")
    world.not_measured = {ComparedCards: away}
    world.want("2")
    assert world.run_pass().requeue_after is not None
    assert (stable(world), condition(world, "Stalled")) == ("1", ("False", "NotStalled"))
    world.not_measured = {}
    world.settle()
    assert stable(world) == "2"


def test_the_bytes_that_serve_in_other_pods_are_not_compared() -> None:
    world = serving()
    world.not_measured = {ComparedCards: LOST}
    world.target = wanted("1", revision="rev1b")
    world.settle()
    assert world.status.stable
    assert world.status.stable.revision == "rev1b"


def test_a_person_who_goes_back_to_a_version_gets_it_whatever_it_takes() -> None:
    world = serving()
    world.edit(spec_with({"name": "preflight", "acceptVersion": "2"}))
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.want("2").settle()
    world.say(Verb.UNDO).settle()
    assert stable(world) == "1"


def test_the_first_version_has_nothing_to_be_compared_with_but_must_keep_its_budgets() -> None:
    world = RolloutWorld(spec=spec_with({"name": "preflight", "maxSize": "1k"}))
    world.cards[wanted("1").digest] = a_card(size=1001)
    world.want("1").settle()
    assert not creations(world)
    assert (world.status.phase, last(world).gates[0].reason) == (Phase.DEGRADED, "OverBudget")
    world.want("2").settle()
    assert stable(world) == "2"


COST = ModelCost(load_seconds=0.5, golden_seconds=0.02, memory_bytes=300 * 2**20)


@dataclass(frozen=True)
class Budget:
    entry: dict[str, object]
    card: ModelCard
    verdict: Verdict
    says: str


BUDGETS = (
    Budget({"maxSize": "1k"}, a_card(size=1000), Verdict.PASS, "within maxSize: 1k"),
    Budget({"maxSize": "1k"}, a_card(size=1001), Verdict.FAIL, "(maxSize: 1k)"),
    Budget({"maxSizeRatio": 2}, a_card(size=2000), Verdict.PASS, "within maxSizeRatio: 2"),
    Budget({"maxSizeRatio": 2}, a_card(size=2001), Verdict.FAIL, "(maxSizeRatio: 2)"),
    Budget({"maxMemory": "300Mi"}, a_card(cost=COST), Verdict.PASS, "its memory is 300 MiB"),
    Budget({"maxMemory": "299Mi"}, a_card(cost=COST), Verdict.FAIL, "more than 299 MiB (maxMemory: 299Mi)"),
    Budget({"maxMemory": "1Gi"}, a_card(), Verdict.INCONCLUSIVE, "its memory is not known"),
    Budget(
        {"maxMemory": "1Gi"},
        a_card(cost=ModelCost(load_seconds=1, golden_seconds=1)),
        Verdict.INCONCLUSIVE,
        "its memory is not known",
    ),
    Budget({"maxLatency": "20ms"}, a_card(cost=COST), Verdict.PASS, "its latency is 20 ms"),
    Budget({"maxLatency": "19ms"}, a_card(cost=COST), Verdict.FAIL, "more than 19 ms (maxLatency: 19ms)"),
    Budget({"maxLatency": "1s"}, a_card(), Verdict.INCONCLUSIVE, "did not measure it"),
    Budget({"goldenTolerance": "10%"}, a_card(answers={"y": [0.59]}), Verdict.PASS, "differs by 0.09"),
    Budget({"goldenTolerance": "10%"}, a_card(answers={"y": [0.7]}), Verdict.FAIL, "more than goldenTolerance: 10%"),
    Budget({"goldenTolerance": "10%"}, a_card(sizes={"x": (2, 3)}), Verdict.INCONCLUSIVE, "cannot be compared"),
    Budget({"maxMemory": "1Gi"}, OTHER_INPUT, Verdict.FAIL, "input 'x' is named 'features' now"),
    Budget({"onIncompatible": "Accept", "maxSize": "1"}, OTHER_INPUT, Verdict.FAIL, "its size is"),
    Budget({"onIncompatible": "Accept"}, OTHER_INPUT, Verdict.PASS, "accepted (onIncompatible: Accept)"),
)


@pytest.mark.parametrize("row", BUDGETS, ids=lambda row: f"{row.entry}-{row.verdict}")
def test_budgets_and_tolerances(row: Budget) -> None:
    gate = preflight_of(Analysis.model_validate({"gates": [{"name": "preflight", **row.entry}]}))
    assert gate
    cards = ComparedCards(candidate=row.card, stable=a_card(answers={"y": [0.5]}))
    judgement = gate.judge(Evidence(parts=(cards,)), "2")
    assert judgement.verdict is row.verdict
    assert row.says in judgement.message


def test_with_its_status_lost_stable_is_found_first_and_then_compared() -> None:
    world = serving()
    world.cards[wanted("2").digest] = OTHER_INPUT
    world.status = ModelDeploymentStatus()
    world.watcher.status_was_lost()
    world.want("2").settle()
    assert not creations(world)
    assert (stable(world), last(world).reason) == ("1", "PreflightFailed")
