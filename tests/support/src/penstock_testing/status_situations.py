"""Situations of a resource that a person may meet, each as a world of values in which it is so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.drift import DriftReason, DriftVerdict
from penstock_contracts.verbs import Verb
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import ComparedCards, MissingEvidence
from penstock_controller.rollout.decision import CreateWorkload
from penstock_controller.rollout.monitor_answer import DriftFinding, Monitoring
from penstock_controller.rollout.observation import Hindrance, RefusedVersion, Unresolved, Wanted
from penstock_controller.rollout.trouble import PASS_FAILING, PassTrouble, status_with_trouble
from penstock_testing.model_cards import a_card
from penstock_testing.rollout_scenes import canary, error_rate, has, is_baking, is_paused, on_trial, pause, until
from penstock_testing.rollout_world import RolloutWorld, wanted
from penstock_testing.strategies import weight


@dataclass(frozen=True, kw_only=True)
class StatusSituation:
    """A name, what users of the model get meanwhile, and how the world gets there."""

    name: str
    users: str
    begin: Callable[[], RolloutWorld]


def _passed(world: RolloutWorld, *seconds: float) -> RolloutWorld:
    for each in seconds:
        world.tick(each)
    return world


def _serving() -> RolloutWorld:
    return RolloutWorld(spec=canary()).want("1").settle(0.2)


def _first_starts() -> RolloutWorld:
    return _passed(RolloutWorld(spec=canary(), broken={"rev1"}).want("1"), 1.0)


def _paused_at_a_quarter() -> RolloutWorld:
    return until(on_trial(canary(weight(25), pause())), is_paused)


def _all_to_the_candidate() -> RolloutWorld:
    return until(on_trial(canary(weight(100), pause())), lambda world: has(100)(world) and is_paused(world))


def _baking() -> RolloutWorld:
    return _passed(until(on_trial(canary(bake="10m")), is_baking), 0.2)


def _rolled_back() -> RolloutWorld:
    world = on_trial(canary(weight(50), pause("10m"), analysis=error_rate()))
    world.failing = {"rev2": 1.0}
    return world.settle(0.2)


def _incompatible() -> RolloutWorld:
    world = on_trial(canary(weight(50), analysis=error_rate()))
    world.cards[wanted("2").digest] = a_card(inputs=[("features", "FP32", (-1, 3))])
    return world.settle(0.2)


def _not_comparable() -> RolloutWorld:
    world = on_trial(canary(weight(50), analysis=error_rate()))
    lost = MissingEvidence(
        verdict=Verdict.INCONCLUSIVE, reason=Reason.NOT_COMPARABLE, message="the model store has lost version 1"
    )
    world.not_measured = {ComparedCards: lost}
    return world.settle(0.2)


def _aborted() -> RolloutWorld:
    world = _paused_at_a_quarter()
    return world.say(Verb.ABORT).settle(0.2)


def _artifact_refused() -> RolloutWorld:
    world = _serving()
    world.target = RefusedVersion(
        version="2", created_at_ms=1002, reason="NoOnnxModel", message="no model.onnx is in it"
    )
    return world.settle(0.2)


def _alias_missing() -> RolloutWorld:
    world = _serving()
    world.target = Unresolved(reason="AliasNotFound", message="alias champion is not there", permanent=True)
    return world.settle(0.2)


def _registry_away() -> RolloutWorld:
    world = _serving()
    world.target = Unresolved(reason="RegistryAway", message="no answer in 5 s")
    world.registry_problem = "no answer in 5 s"
    return _passed(world, 0.2)


def _no_ready_pods() -> RolloutWorld:
    world = _serving()
    world.broken = {"rev1"}
    return _passed(world, 1.0, 1.0)


def _no_endpoints() -> RolloutWorld:
    """Pods are ready, but no gateway pod has an address to send to."""
    world = _serving()
    world.blind = set(world.gateways)
    world.endpoints = {name: {} for name in world.gateways}
    world.run_pass()
    return world


def _no_gateway() -> RolloutWorld:
    world = _serving()
    world.gateways = {}
    world.run_pass()
    return world


def _one_gateway_hangs() -> RolloutWorld:
    """The next step waits for it: it may still send by the old shares."""
    world = until(on_trial(canary(weight(25), pause("5s"), weight(50), pause())), has(25))
    world.silent = {"gw-0"}
    for _ in range(60):
        world.tick(0.2)
    return world


def _refused_by_a_quota() -> RolloutWorld:
    world = on_trial(canary(weight(25), pause()))
    world.refuses = frozenset({CreateWorkload})
    for _ in range(3):
        world.tick(1.0)
    return world


def _hindered(reason: str, message: str) -> RolloutWorld:
    world = _serving()
    world.hindrances = (Hindrance(revision="rev1", reason=reason, message=message),)
    world.run_pass()
    return world


def _failing_passes() -> RolloutWorld:
    world = _serving()
    trouble = PassTrouble(reason=PASS_FAILING, message="KeyError: 'spec'")
    told = status_with_trouble(world.status.model_dump(mode="json", exclude_none=True), trouble, 1, world.now)
    world.status = ModelDeploymentStatus.model_validate(told)
    return world


def _queued() -> RolloutWorld:
    world = _serving()
    world.turn = "waits for its turn: payments/other is being rolled out"
    world.pods = "image2"
    assert isinstance(world.target, Wanted)
    world.target = replace(world.target, revision="rev1-in-image2")
    return world.settle(0.2)


def _watched(monitoring: Monitoring) -> RolloutWorld:
    recorded = canary(predictor={"logger": {"mode": "all"}}, drift={})
    world = RolloutWorld(spec=recorded).want("1").settle(0.2)
    world.monitoring = monitoring
    world.run_pass()
    return world


def _drifted() -> RolloutWorld:
    amount = DriftFinding(
        verdict=DriftVerdict.DRIFT,
        reason=DriftReason.DATASET_DRIFT,
        columns=("amount",),
        since="2025-12-31T00:00:00Z",
        message="the prediction of version 1 drifts (amount since 2025-12-31T00:00:00Z)",
    )
    return _watched(Monitoring(installed=True, finding=amount))


def _monitor_away() -> RolloutWorld:
    return _watched(Monitoring(installed=True, away="the drift monitor does not answer within 5 s"))


SITUATIONS = (
    StatusSituation(name="a version serves", users="answers", begin=_serving),
    StatusSituation(name="the first version starts", users="503", begin=_first_starts),
    StatusSituation(name="on trial, paused at 25 %", users="answers of both", begin=_paused_at_a_quarter),
    StatusSituation(
        name="on trial, 100 % to the candidate", users="the candidate's answers", begin=_all_to_the_candidate
    ),
    StatusSituation(name="promoted, in the bake", users="the new version's answers", begin=_baking),
    StatusSituation(name="a gate failed, rolled back", users="stable's answers", begin=_rolled_back),
    StatusSituation(name="another input tensor, refused before a pod", users="stable's answers", begin=_incompatible),
    StatusSituation(name="compatible or not: cannot be said", users="stable's answers", begin=_not_comparable),
    StatusSituation(name="a person aborted the rollout", users="stable's answers", begin=_aborted),
    StatusSituation(name="the new artifact is bad", users="stable's answers", begin=_artifact_refused),
    StatusSituation(name="the alias does not exist", users="stable's answers", begin=_alias_missing),
    StatusSituation(name="the registry is unreachable", users="answers", begin=_registry_away),
    StatusSituation(name="no pod is ready", users="503", begin=_no_ready_pods),
    StatusSituation(name="pods are ready, the gateway has no endpoint", users="503", begin=_no_endpoints),
    StatusSituation(name="no gateway pod", users="no connection", begin=_no_gateway),
    StatusSituation(name="a gateway pod's agent hangs in a rollout", users="answers of both", begin=_one_gateway_hangs),
    StatusSituation(name="a quota rejects the candidate's pods", users="stable's answers", begin=_refused_by_a_quota),
    StatusSituation(
        name="a foreign object has Penstock's labels",
        users="answers",
        begin=lambda: _hindered("ForeignObject", "Deployment theirs carries the labels of revision rev1"),
    ),
    StatusSituation(
        name="somebody keeps editing a child object",
        users="answers",
        begin=lambda: _hindered("Contested", "Deployment m-rev1: .spec.replicas is written by kubectl-edit"),
    ),
    StatusSituation(name="every reconcile pass fails", users="answers", begin=_failing_passes),
    StatusSituation(name="waits for a rollout slot in an upgrade", users="answers", begin=_queued),
    StatusSituation(name="live data has drifted", users="answers", begin=_drifted),
    StatusSituation(name="the drift monitor is unreachable", users="answers", begin=_monitor_away),
)
"""What the table in docs/user/status.md has, in its order."""


def kstatus_of(conditions: Mapping[str, str]) -> str:
    """What kstatus makes of a resource with these conditions, by its rules for resources that it does not know."""
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    return "InProgress" if conditions.get("Ready") in {"False", "Unknown"} else "Current"
