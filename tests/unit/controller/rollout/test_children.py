"""Objects of revisions that are missing, edited, refused or somebody else's, as the engine sees them."""

from dataclasses import replace

import pytest

from penstock_contracts.api.status import Completion, Phase
from penstock_contracts.verbs import Verb
from penstock_controller.rollout.decision import (
    Action,
    CreateWorkload,
    DeleteWorkload,
    ForgetPromotion,
    MarkPromoted,
    RestoreChild,
    ScaleWorkload,
    SetAutoscaler,
)
from penstock_controller.rollout.engine import advance
from penstock_controller.rollout.observation import Autoscaler, Bounds, ChildKind, Difference, Hindrance, Unresolved
from penstock_testing.rollout_scenes import NO_GATES, canary, error_rate, is_baking, on_trial, pause, until
from penstock_testing.rollout_world import RolloutWorld, spec
from penstock_testing.strategies import weight

EVERY_ACTION: tuple[type[Action], ...] = (
    CreateWorkload,
    RestoreChild,
    ScaleWorkload,
    SetAutoscaler,
    MarkPromoted,
    ForgetPromotion,
    DeleteWorkload,
)
STEPS = (weight(50), pause("30s"))


def shown(world: RolloutWorld) -> tuple[str, str, str]:
    found = next(item for item in world.status.conditions if item.type == "ChildrenApplied")
    return found.status, found.reason, found.message


def after_a_rollback() -> RolloutWorld:
    world = RolloutWorld().want("1").settle()
    world.broken = {"rev2"}
    return world.want("2").settle(seconds=60)


def after_an_abort() -> RolloutWorld:
    world = until(on_trial(canary(*STEPS)), lambda world: bool(world.status.candidate))
    world.tick()
    return world.say(Verb.ABORT).settle()


def with_the_registry_away_and_the_spec_edited() -> RolloutWorld:
    world = RolloutWorld().want("1").settle()
    world.target = Unresolved(reason="RegistryAway", message="no answer")
    world.edit(spec(predictor={"timeout": "3s"}))
    return world.settle()


def on_trial_at_half() -> RolloutWorld:
    world = on_trial(canary(*STEPS))
    return until(world, lambda world: bool(world.status.candidate and world.status.candidate.weight == 50))


@pytest.mark.parametrize(
    "begin", [after_a_rollback, after_an_abort, with_the_registry_away_and_the_spec_edited, on_trial_at_half]
)
def test_stable_whose_deployment_is_deleted_is_made_again_whatever_is_wanted(begin: object) -> None:
    assert callable(begin)
    world: RolloutWorld = begin()
    assert world.status.stable
    world.delete_workload("rev1")
    world.tick()
    made = [action.revision for action in world.actions if isinstance(action, CreateWorkload)]
    assert made[-1] == "rev1"
    world.tick()
    assert world.workloads["rev1"].ready == world.spec.predictor.min_replicas
    assert world.workloads["rev1"].promoted_attempt == 1


def test_previous_whose_deployment_is_deleted_in_the_bake_is_made_again() -> None:
    world = until(on_trial(canary(bake="60s")), is_baking)
    world.delete_workload("rev1")
    world.tick()
    world.tick()
    assert world.workloads["rev1"].ready == 4
    assert is_baking(world)


@pytest.mark.parametrize("kind", EVERY_ACTION)
def test_whatever_is_refused_a_candidate_that_fails_loses_its_share(kind: type[Action]) -> None:
    steps = (weight(50), pause("60s"))
    world = on_trial(canary(*steps, analysis=error_rate()))
    until(world, lambda world: bool(world.status.candidate and world.status.candidate.weight == 50))
    world.refuses = frozenset({kind})
    world.change("rev2", lambda each: replace(each, differences=(Difference(kind=ChildKind.BUDGET),)))
    world.change("rev1", lambda each: replace(each, replicas=9))
    world.failing = {"rev2": 1.0}
    until(world, lambda world: bool(world.status.history[0].completion is Completion.ROLLED_BACK))
    assert world.status.traffic
    assert world.status.traffic.applied
    assert {each.revision for each in world.status.traffic.applied.backends if each.weight} == {"rev1"}


@pytest.mark.parametrize("kind", EVERY_ACTION)
@pytest.mark.parametrize("fails", [False, True], ids=["promotion", "a failure in the bake"])
def test_what_was_refused_is_done_when_it_is_allowed_again(kind: type[Action], *, fails: bool) -> None:
    """Each action is found anew from what is seen: none is asked for only once."""
    world = after_a_bake(frozenset({kind}), fails=fails)
    world.refuses, world.hindrances = frozenset(), ()
    a_minute_passes(world, fails=fails)
    allowed = after_a_bake(frozenset(), fails=fails)
    assert world.status.phase is allowed.status.phase is Phase.HEALTHY
    marks = {revision: each.promoted_attempt for revision, each in allowed.workloads.items()}
    assert {revision: each.promoted_attempt for revision, each in world.workloads.items()} == marks


def after_a_bake(refused: frozenset[type[Action]], *, fails: bool) -> RolloutWorld:
    """A minute later. `fails`: the bake goes back."""
    world = on_trial(canary(weight(50), pause("2s"), bake="5s", predictor={"minReplicas": 1}, analysis=error_rate()))
    world.refuses = refused
    return a_minute_passes(world, fails=fails)


def a_minute_passes(world: RolloutWorld, *, fails: bool) -> RolloutWorld:
    for _ in range(60):
        world.failing = {"rev2": 0.9} if fails and is_baking(world) else {}
        world.tick()
    return world


def test_a_deployment_that_is_refused_uses_up_the_deadline_and_the_message_says_why() -> None:
    world = on_trial(canary(*STEPS, progressDeadline="30s"))
    world.refuses = frozenset({CreateWorkload})
    world.tick()
    world.tick()
    assert "CreateWorkload: quota" in world.status.message
    assert shown(world) == ("False", "Refused", "CreateWorkload: quota")
    until(world, lambda world: world.status.candidate is None, seconds=5)
    assert world.status.history[0].reason == "ProgressDeadlineExceeded"
    assert "CreateWorkload: quota" in world.status.history[0].message


@pytest.mark.parametrize("kind", ChildKind)
def test_an_object_that_is_not_as_declared_is_put_back_once(kind: ChildKind) -> None:
    world = RolloutWorld().want("1").settle()
    edited = Difference(kind=kind, field="spec.selector", manager="kubectl-edit")
    world.change("rev1", lambda each: replace(each, differences=(edited,)))
    (action,) = world.run_pass().actions
    assert action == RestoreChild(revision="rev1", kind=kind)
    assert isinstance(action, RestoreChild)
    assert "kubectl-edit" in action.why
    assert world.run_pass().actions == ()
    assert shown(world)[0] == "True"


def test_the_candidates_service_is_put_back_on_trial() -> None:
    world = on_trial_at_half()
    world.change("rev2", lambda each: replace(each, differences=(Difference(kind=ChildKind.SERVICE),)))
    assert RestoreChild(revision="rev2", kind=ChildKind.SERVICE) in world.run_pass().actions


def test_what_is_contested_says_so_as_long_as_it_is() -> None:
    world = RolloutWorld().want("1").settle()
    fought = Hindrance(revision="rev1", reason="Contested", message="putting back the Service does not last")
    world.hindrances = (fought,)
    world.run_pass()
    assert shown(world) == ("False", "Contested", "putting back the Service does not last")
    world.hindrances = ()
    world.run_pass()
    assert shown(world) == ("True", "Applied", "")


def test_a_foreign_object_is_named_and_changes_nothing_else() -> None:
    world = RolloutWorld().want("1").settle()
    before = world.status
    seen = replace(world.observe(), foreign=("Deployment copy carries this resource's labels",))

    decision = advance(world.spec, world.status, seen)
    assert decision.actions == ()
    assert decision.status.phase is before.phase
    (condition,) = (item for item in decision.status.conditions if item.type == "ChildrenApplied")
    assert (condition.status, condition.reason) == ("False", "ForeignObject")
    assert "Deployment copy" in condition.message


def test_the_number_of_pods_is_left_to_somebody_elses_autoscaler() -> None:
    world = RolloutWorld(spec=spec(predictor={"minReplicas": 2, "maxReplicas": 5}, analysis=NO_GATES))
    world.want("1").settle()
    bounds = Bounds(floor=2, ceiling=5, target=70)
    theirs = "HorizontalPodAutoscaler theirs"
    world.change("rev1", lambda each: replace(each, other_autoscaler=theirs, autoscaler=None, replicas=7))
    for _ in range(3):
        assert world.run_pass().actions == ()
    assert shown(world)[:2] == ("False", "ForeignObject")
    assert theirs in shown(world)[2]
    ours = Autoscaler(bounds=bounds)
    world.change("rev1", lambda each: replace(each, autoscaler=ours))
    assert [type(action).__name__ for action in world.run_pass().actions] == ["RemoveAutoscaler"]


def test_what_is_left_of_a_revision_without_a_deployment_is_removed() -> None:
    """Its Deployment was deleted, and the deletion of its Service refused."""
    world = RolloutWorld().want("1").settle()

    seen = replace(world.observe(), remains=frozenset({"rev1", "rev0"}))
    status = world.status
    for _ in range(3):
        decision = advance(world.spec, status, seen)
        status = decision.status
    assert decision.actions == (DeleteWorkload(revision="rev0"),)
    gone = replace(seen, remains=frozenset({"rev1"}))
    assert advance(world.spec, status, gone).status.retiring == ()


def test_more_leftovers_than_status_has_room_for_leave_in_turns() -> None:
    world = RolloutWorld().want("1").settle()

    seen = replace(world.observe(), remains=frozenset(f"rev{number}" for number in range(1, 40)))
    assert len(advance(world.spec, world.status, seen).status.retiring) == 16
