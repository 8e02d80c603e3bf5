"""The engine's scenarios, in the words of a user."""

from datetime import timedelta
from itertools import pairwise

import pytest

from penstock_contracts.api.status import Completion, Phase
from penstock_controller.rollout.decision import CreateWorkload, DeleteWorkload, MarkPromoted, ScaleWorkload
from penstock_controller.rollout.observation import RefusedVersion, Unresolved
from penstock_testing.rollout_world import RolloutWorld, spec, wanted


@pytest.fixture
def world() -> RolloutWorld:
    return RolloutWorld()


@pytest.fixture
def serving(world: RolloutWorld) -> RolloutWorld:
    """Version 1 serves."""
    return world.want("1").settle()


def condition(world: RolloutWorld, kind: str) -> tuple[str, str]:
    found = next(item for item in world.status.conditions if item.type == kind)
    return found.status, found.reason


def phase(world: RolloutWorld) -> str:
    return world.status.phase.value


def stable_version(world: RolloutWorld) -> str | None:
    return world.status.stable.version if world.status.stable else None


def weights(world: RolloutWorld) -> dict[str, int]:
    assert world.status.traffic
    assert world.status.traffic.applied
    return {backend.revision: backend.weight for backend in world.status.traffic.applied.backends}


def test_waits_as_pending_while_the_registry_has_not_answered(world: RolloutWorld) -> None:
    world.tick()
    assert phase(world) == Phase.PENDING
    assert world.status.message == "asking the registry"
    assert condition(world, "Ready") == ("False", "Pending")
    assert condition(world, "Reconciling") == ("True", "Pending")
    assert world.actions == []


def test_brings_the_first_version_to_healthy(serving: RolloutWorld) -> None:
    assert phase(serving) == Phase.HEALTHY
    assert stable_version(serving) == "1"
    assert weights(serving) == {"rev1": 100}
    assert condition(serving, "Ready") == ("True", "Serving")
    assert condition(serving, "Reconciling")[0] == "False"
    assert [told.reason for told in serving.announcements] == ["RolloutStarted", "Promoting", "Promoted"]
    assert serving.status.history[0].completion is Completion.PROMOTED
    assert serving.workloads["rev1"].promoted_attempt == 1


def test_is_initializing_until_pods_are_ready_and_every_gateway_pod_has_applied(world: RolloutWorld) -> None:
    world.broken = {"rev1"}
    world.want("1")
    for _ in range(5):
        world.tick()
    assert phase(world) == Phase.INITIALIZING
    assert world.status.traffic is None
    world.broken, world.silent = set(), {"gw-1"}
    for _ in range(5):
        world.tick()
    assert phase(world) == Phase.PROMOTING
    assert "gw-1" in world.status.message
    assert condition(world, "Ready")[0] == "False"
    world.silent = set()
    world.settle()
    assert condition(world, "Ready")[0] == "True"


def test_moves_to_a_new_version_and_lets_the_old_pods_leave_last(serving: RolloutWorld) -> None:
    serving.actions.clear()
    serving.want("2")
    seen = []
    for _ in range(40):
        serving.tick()
        seen.append(serving.status.phase)
    assert [seen[0], *(now for before, now in pairwise(seen) if now != before)] == [
        Phase.PROGRESSING,
        Phase.PROMOTING,
        Phase.HEALTHY,
    ]
    assert stable_version(serving) == "2"
    assert serving.workloads.keys() == {"rev2"}
    assert weights(serving) == {"rev2": 100}
    assert serving.status.retiring == ()
    kinds = [type(action).__name__ for action in serving.actions]
    assert kinds == ["CreateWorkload", "MarkPromoted", "DeleteWorkload"]


def test_tells_the_gateway_of_a_candidate_with_weight_0_first(serving: RolloutWorld) -> None:
    serving.want("2")
    serving.silent = {"gw-0"}
    for _ in range(10):
        serving.tick()
    assert phase(serving) == Phase.PROGRESSING
    assert serving.status.traffic
    asked = {backend.revision: backend.weight for backend in serving.status.traffic.desired.backends}
    assert asked == {"rev1": 100, "rev2": 0}
    assert "gw-0" in serving.status.message


def test_old_pods_stay_for_the_time_a_request_may_take_after_their_last_request(serving: RolloutWorld) -> None:
    serving.want("2")
    while stable_version(serving) != "2":
        serving.tick(0.2)
    promoted_at = serving.now
    while "rev1" in serving.workloads:
        serving.tick(0.5)
    assert serving.now - promoted_at >= timedelta(seconds=10)


def test_a_silent_gateway_pod_keeps_the_old_pods(serving: RolloutWorld) -> None:
    serving.want("2")
    while phase(serving) != Phase.PROMOTING:
        serving.tick(0.2)
    serving.silent = {"gw-1"}
    for _ in range(60):
        serving.tick()
    assert "rev1" in serving.workloads
    assert stable_version(serving) == "1"
    assert condition(serving, "Ready") == ("True", "Serving")


def test_takes_back_a_candidate_whose_pods_are_not_ready_by_the_deadline(serving: RolloutWorld) -> None:
    serving.broken = {"rev2"}
    serving.want("2")
    serving.settle(seconds=30)
    assert stable_version(serving) == "1"
    assert serving.status.history[0].completion is Completion.ROLLED_BACK
    assert serving.status.history[0].reason == "ProgressDeadlineExceeded"
    assert "0 of 2 pods are ready" in serving.status.history[0].message
    assert condition(serving, "Stalled") == ("True", "RolledBack")
    assert condition(serving, "Ready") == ("True", "Serving")
    assert condition(serving, "Reconciling")[0] == "False"
    assert serving.workloads.keys() == {"rev1"}


def test_a_failed_version_is_tried_again_only_after_a_change(serving: RolloutWorld) -> None:
    serving.broken = {"rev2"}
    serving.want("2").settle(seconds=30)
    serving.broken = set()
    attempts = serving.status.attempt
    serving.settle()
    assert serving.status.attempt == attempts
    serving.generation += 1
    serving.settle()
    assert serving.status.attempt == attempts + 1
    assert stable_version(serving) == "2"
    assert condition(serving, "Stalled")[0] == "False"


def test_a_first_version_that_fails_is_not_ready_and_stalled(world: RolloutWorld) -> None:
    world.broken = {"rev1"}
    world.want("1").settle(seconds=30)
    assert phase(world) == Phase.DEGRADED
    assert condition(world, "Ready")[0] == "False"
    assert condition(world, "Stalled") == ("True", "RolledBack")
    assert condition(world, "Reconciling")[0] == "False"
    assert world.workloads == {}


def test_a_refused_artifact_leaves_stable_untouched_and_says_why(serving: RolloutWorld) -> None:
    serving.actions.clear()
    serving.target = RefusedVersion(
        version="2", created_at_ms=1002, reason="PickleOnly", message="model.pkl: convert it"
    )
    serving.settle()
    assert serving.actions == []
    assert condition(serving, "Stalled") == ("True", "PickleOnly")
    assert condition(serving, "Ready") == ("True", "Serving")
    assert "model.pkl" in serving.status.message
    told = [item for item in serving.announcements if item.reason == "PickleOnly"]
    assert len(told) == 1


def test_a_version_that_the_store_takes_after_all_is_started(serving: RolloutWorld) -> None:
    """The store was repaired: the same version, refused before, is Ready now."""
    serving.target = RefusedVersion(version="2", created_at_ms=1002, reason="CrashedOnOpen", message="model.onnx")
    serving.settle()
    serving.want("2").settle()
    assert stable_version(serving) == "2"


def test_a_newer_version_takes_the_place_of_one_that_is_starting(serving: RolloutWorld) -> None:
    serving.broken = {"rev2"}
    serving.want("2")
    for _ in range(3):
        serving.tick()
    serving.want("3").settle()
    assert stable_version(serving) == "3"
    assert [record.completion for record in serving.status.history[:2]] == [Completion.PROMOTED, Completion.SUPERSEDED]
    assert serving.workloads.keys() == {"rev3"}


def test_moving_the_alias_back_while_the_old_pods_leave_uses_them_again(serving: RolloutWorld) -> None:
    serving.want("2")
    while not serving.status.retiring:
        serving.tick(0.2)
    serving.actions.clear()
    serving.want("1").settle()
    assert stable_version(serving) == "1"
    assert not any(isinstance(action, CreateWorkload) for action in serving.actions)
    assert serving.workloads.keys() == {"rev1"}


def test_a_version_with_the_same_bytes_moves_the_label_only(serving: RolloutWorld) -> None:
    serving.actions.clear()
    serving.target = wanted("2", digest=wanted("1").digest, revision="rev1")
    serving.settle()
    assert serving.actions == []
    assert stable_version(serving) == "2"
    assert serving.status.attempt == 1
    assert serving.announcements[-1].reason == "VersionRelabelled"


def test_registry_away_leaves_what_serves_and_what_is_on_trial(serving: RolloutWorld) -> None:
    serving.want("2").tick()
    serving.target = Unresolved(reason="RegistryAway", message="registry 'default' does not answer")
    serving.settle()
    assert stable_version(serving) == "2"


def test_a_missing_alias_is_stalled_and_named(world: RolloutWorld) -> None:
    world.target = Unresolved(
        reason="AliasNotFound", message="spec.registry.alias: no alias 'champion'", permanent=True
    )
    world.settle()
    assert condition(world, "Stalled") == ("True", "AliasNotFound")
    assert condition(world, "Reconciling")[0] == "False"
    assert "spec.registry.alias" in world.status.message


def test_paused_starts_nothing_new(serving: RolloutWorld) -> None:
    serving.spec = spec(paused=True)
    serving.want("2").settle()
    assert stable_version(serving) == "1"
    assert "paused" in serving.status.message
    serving.spec = spec()
    serving.settle()
    assert stable_version(serving) == "2"


def test_changing_the_number_of_pods_scales_stable_and_is_no_rollout(serving: RolloutWorld) -> None:
    serving.actions.clear()
    serving.spec = spec(predictor={"minReplicas": 3})
    serving.settle()
    assert serving.actions == [ScaleWorkload(revision="rev1", replicas=3)]
    assert serving.status.attempt == 1


def test_candidate_whose_pods_die_while_requests_move_to_it_is_taken_back(serving: RolloutWorld) -> None:
    serving.want("2")
    while phase(serving) != Phase.PROMOTING:
        serving.tick(0.2)
    serving.broken = {"rev2"}
    serving.silent = {"gw-1"}
    for _ in range(22):
        serving.tick()
    assert phase(serving) == Phase.ROLLING_BACK
    serving.silent = set()
    serving.settle()
    assert stable_version(serving) == "1"
    assert serving.status.history[0].reason == "CandidateUnavailable"
    assert weights(serving) == {"rev1": 100}


def test_with_status_lost_stable_is_adopted_without_an_outage(serving: RolloutWorld) -> None:
    number = serving.gateways["gw-0"].number if serving.gateways["gw-0"] else 0
    serving.lose_status()
    serving.actions.clear()
    decision = serving.run_pass()
    assert stable_version(serving) == "1"
    assert decision.status.traffic
    assert decision.status.traffic.desired.number > number
    serving.settle()
    assert serving.actions == []
    assert condition(serving, "Ready")[0] == "True"


def test_a_workload_that_nobody_names_leaves(serving: RolloutWorld) -> None:
    serving.workloads["stray"] = serving.workloads["rev1"].__class__(
        revision="stray", version="9", digest="sha256:9", replicas=2, ready=2
    )
    serving.settle()
    assert DeleteWorkload(revision="stray") in serving.actions
    assert serving.workloads.keys() == {"rev1"}


def test_at_rest_nothing_is_written(serving: RolloutWorld) -> None:
    writes, actions = serving.writes, len(serving.actions)
    for _ in range(20):
        assert serving.tick(60).requeue_after is None
    assert (serving.writes, len(serving.actions)) == (writes, actions)


def test_stable_deployment_that_somebody_deleted_is_made_again(serving: RolloutWorld) -> None:
    serving.delete_workload("rev1")
    serving.actions.clear()
    serving.tick()
    assert condition(serving, "Ready") == ("False", "NoReadyPods")
    serving.settle()
    assert [type(action) for action in serving.actions] == [CreateWorkload, MarkPromoted]
    assert condition(serving, "Ready")[0] == "True"


@pytest.mark.parametrize("dies_in_pass", range(12))
@pytest.mark.parametrize("after_writes", [0, 1, 2])
def test_killed_after_any_write_a_rollout_ends_the_same(dies_in_pass: int, after_writes: int) -> None:
    world = RolloutWorld().want("1").settle()
    world.want("2")
    for index in range(12):
        world.now += timedelta(seconds=3)
        world.let_pods_start()
        world.let_gateways_apply()
        world.run_pass(killed_after=after_writes if index == dies_in_pass else None)
    world.settle()
    assert stable_version(world) == "2"
    assert world.workloads.keys() == {"rev2"}
    assert phase(world) == Phase.HEALTHY
    assert [record.attempt for record in world.status.history] == [2, 1]
