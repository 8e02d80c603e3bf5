"""One pod of a version that fails far more often than its siblings is named, left out and replaced."""

from dataclasses import replace

import pytest

from penstock_contracts.api.status import GateStatus
from penstock_contracts.base import evolve
from penstock_controller.gates.evidence import TryCount
from penstock_controller.rollout import sick_pods
from penstock_controller.rollout.decision import ReplacePod
from penstock_controller.rollout.observation import Workload
from penstock_controller.rollout.pod_readings import CountedPod, PodInterval
from penstock_testing.rollout_scenes import (
    NO_GATES,
    canary,
    condition,
    error_rate,
    has,
    is_baking,
    last,
    on_trial,
    pause,
    stable,
    until,
    wish,
)
from penstock_testing.rollout_world import RolloutWorld
from penstock_testing.strategies import weight


def rollout(*steps: dict[str, object], bake: str = "0s", pods: int = 4, **fields: object) -> RolloutWorld:
    """Version 2 has half of the requests, and all of its pods."""
    given: dict[str, object] = {"analysis": error_rate(), "predictor": {"minReplicas": pods}, **fields}
    world = until(on_trial(canary(*(steps or (weight(50), pause("15s"))), bake=bake, **given)), has(50))
    return until(world, lambda found: len(found.workloads["rev2"].pods) == pods)


def replaced(world: RolloutWorld) -> list[str]:
    return [action.pod for action in world.actions if isinstance(action, ReplacePod)]


def fall_sick(world: RolloutWorld, revision: str, share: float = 0.5) -> str:
    """The first pod of a revision fails a part of its requests from now on."""
    pod = world.workloads[revision].pods[0].name
    world.sick[pod] = share
    return pod


def told(world: RolloutWorld) -> list[str]:
    return [one.message for one in world.announcements if one.reason == "SickPod"]


def named(world: RolloutWorld) -> list[str]:
    return [pod.name for pod in world.status.evidence.sick_pods] if world.status.evidence else []


def conditions(world: RolloutWorld) -> set[str]:
    return {one.type for one in world.status.conditions}


def is_told(world: RolloutWorld) -> bool:
    return bool(told(world))


def until_told(world: RolloutWorld, number: int) -> None:
    """So many pods were named."""
    until(world, lambda found: len(told(found)) == number)


def errors(world: RolloutWorld) -> GateStatus:
    return next(gate for gate in world.status.gates if gate.name == "error-rate")


@pytest.mark.parametrize("pods", [2, 4])
def test_a_candidate_with_one_sick_pod_is_promoted_and_the_pod_is_named_and_replaced(pods: int) -> None:
    world = rollout(pods=pods)
    pod = fall_sick(world, "rev2")
    until(world, is_told)
    assert condition(world, "PodsHealthy") == ("False", "SickPod")
    world.settle(0.5)
    assert replaced(world) == [pod]
    assert (stable(world), last(world).reason) == ("2", "Promoted")
    assert f"; left out as sick: {pod};" in last(world).message
    (message,) = told(world)
    assert message.startswith(f"attempt 2, version 2: pod {pod} is sick, it failed ")
    assert "the version's other pods 0 of " in message
    assert message.endswith("and it is replaced")
    assert "PodsHealthy" not in conditions(world)


def test_a_sick_pod_of_stable_is_replaced_as_well_and_hides_no_harm_of_the_candidate() -> None:
    world = rollout()
    pod = fall_sick(world, "rev1")
    world.failing["rev2"] = 0.05
    world.settle(0.5)
    assert replaced(world) == [pod]
    assert (stable(world), last(world).reason) == ("1", "GateFailed")


def test_in_the_bake_a_sick_pod_is_replaced_and_the_version_stays() -> None:
    world = until(rollout(bake="15s"), is_baking)
    pod = fall_sick(world, "rev2")
    world.settle(0.5)
    assert replaced(world) == [pod]
    assert (stable(world), last(world).completion) == ("2", "Promoted")


def test_a_version_that_fails_on_all_of_its_pods_alike_is_rolled_back_and_none_is_replaced() -> None:
    world = rollout()
    world.failing["rev2"] = 0.3
    world.settle(0.5)
    assert replaced(world) == []
    assert (stable(world), last(world).reason) == ("1", "GateFailed")


@pytest.mark.parametrize(("ill", "end"), [(2, "Promoted"), (3, "GateFailed")])
def test_where_more_than_half_of_the_pods_are_sick_at_once_it_is_the_version(ill: int, end: str) -> None:
    world = rollout()
    for pod in world.workloads["rev2"].pods[:ill]:
        world.sick[pod.name] = 0.5
    world.settle(0.5)
    assert last(world).reason == end
    assert len(replaced(world)) == (ill if end == "Promoted" else 0)


def test_a_version_whose_pods_fall_sick_one_after_the_other_is_rolled_back_with_all_of_them_named() -> None:
    world = rollout()
    pods = []
    for _ in range(3):
        pods.append(fall_sick(world, "rev2"))
        until_told(world, len(pods))
    world.settle(0.5)
    assert (stable(world), last(world).reason) == ("1", "PodsKeepFailing")
    assert last(world).message.startswith("3 of its pods fell sick, one after the other, so it is the version: ")
    assert all(pod in last(world).message for pod in pods)
    assert replaced(world) == pods[:2]
    assert "it stays, as 2 pods of the version were replaced in this attempt" in told(world)[2]


def test_in_the_bake_too() -> None:
    world = until(rollout(bake="60s"), is_baking)
    for number in range(1, 4):
        fall_sick(world, "rev2")
        until_told(world, number)
    world.settle(0.5)
    assert last(world).reason == "PodsKeepFailing"
    assert last(world).message.startswith("in the bake, 3 of its pods")


def test_pods_of_stable_that_keep_falling_sick_are_no_fault_of_the_candidate() -> None:
    world = rollout(weight(50), pause("25s"))
    for number in range(1, 4):
        fall_sick(world, "rev1")
        until_told(world, number)
    world.settle(0.5)
    assert len(replaced(world)) == 2
    assert last(world).reason == "Promoted"


def test_without_a_gate_on_failures_no_pod_is_told_apart() -> None:
    world = rollout(analysis=NO_GATES)
    assert not wish(world).by_pod
    fall_sick(world, "rev2")
    world.settle(0.5)
    assert (told(world), replaced(world)) == ([], [])


def test_a_gate_in_dry_run_has_sick_pods_replaced_and_takes_no_version_back() -> None:
    world = rollout(analysis=error_rate(dryRun=True))
    pods = []
    for _ in range(3):
        pods.append(fall_sick(world, "rev2"))
        until_told(world, len(pods))
    world.settle(0.5)
    assert replaced(world) == pods[:2]
    assert last(world).reason == "Promoted"


def test_the_only_pod_of_a_version_has_no_siblings_and_its_failures_are_the_versions() -> None:
    world = rollout(pods=1)
    fall_sick(world, "rev2")
    world.settle(0.5)
    assert replaced(world) == []
    assert last(world).reason == "GateFailed"


def test_a_sick_pod_waits_until_no_other_pod_is_missing() -> None:
    world = rollout()
    pod = fall_sick(world, "rev2")
    world.short.add("rev1")
    until(world, is_told)
    for _ in range(10):
        world.tick()
    assert replaced(world) == []
    world.short.clear()
    world.settle(0.5)
    assert replaced(world) == [pod]


def test_the_last_ready_pod_is_never_replaced() -> None:
    world = rollout(pods=2)
    fall_sick(world, "rev2")
    until(world, is_told)
    world.actions.clear()
    world.change("rev2", lambda workload: replace(workload, replicas=1, ready=1))
    world.run_pass()
    assert replaced(world) == []


def test_a_pod_that_is_leaving_is_not_told_to_leave_again() -> None:
    world = rollout()
    pod = fall_sick(world, "rev2")
    world.refuses = frozenset({ReplacePod})
    until(world, is_told)
    assert replaced(world) == []

    def leaving(workload: Workload) -> Workload:
        return replace(workload, pods=tuple(replace(one, leaving=one.name == pod) for one in workload.pods))

    world.refuses = frozenset()
    world.change("rev2", leaving)
    world.run_pass()
    assert replaced(world) == []
    assert condition(world, "PodsHealthy") == ("False", "SickPod")


def test_a_replacement_that_is_refused_is_told_and_holds_up_nothing() -> None:
    world = rollout()
    pod = fall_sick(world, "rev2")
    world.refuses = frozenset({ReplacePod})
    until(world, is_told)
    world.tick()
    assert condition(world, "ChildrenApplied") == ("False", "Refused")
    world.settle(0.5)
    assert (stable(world), last(world).reason) == ("2", "Promoted")
    assert pod in told(world)[0]


def test_a_sick_pods_tries_are_left_out_of_the_gates_figures_from_the_suspicion_on() -> None:
    world = rollout(weight(50), pause("25s"))
    world.refuses = frozenset({ReplacePod})
    fall_sick(world, "rev2")
    until(world, is_told)
    before = {figure.name: figure.candidate for figure in errors(world).figures}
    for _ in range(20):
        world.tick()
    after = {figure.name: figure.candidate for figure in errors(world).figures}
    assert after["failures"] == before["failures"]
    assert after["tries"] > before["tries"]


def test_a_sick_pod_is_left_out_of_an_interval_in_which_it_alone_was_tried() -> None:
    world = rollout(pods=2)
    ill = fall_sick(world, "rev2")
    until(world, is_told)
    evidence = world.status.evidence
    assert evidence
    parsed = {name: CountedPod.from_text(text) for name, text in evidence.pods.items()}
    known = {name: pod for name, pod in parsed.items() if pod}
    alone = {ill: {("rev2", "users"): TryCount(tries=3, failures=3)}}
    interval = PodInterval(before=known, now=known, tries=alone, there=frozenset(known))
    assert sick_pods.judge(world.status, evidence, interval, world.now).left_out == {ill}


def test_what_is_known_of_pods_outlives_a_controller_that_is_killed_at_any_write() -> None:
    world = rollout()
    pod = fall_sick(world, "rev2")
    for number in range(60):
        world.let_time_pass(0.5)
        world.run_pass(killed_after=number % 3)
        world.run_pass()
    world.settle(0.5)
    assert replaced(world)[:1] == [pod]
    assert last(world).reason == "Promoted"
    assert len(told(world)) >= 1


def test_a_gateway_pod_that_restarts_takes_nothing_back_and_names_nobody() -> None:
    world = rollout(weight(50), pause("25s"))
    for _ in range(10):
        world.tick()
        world.counters_of("gw-0").restart()
    assert named(world) == []
    pod = fall_sick(world, "rev2")
    until(world, is_told)
    assert named(world) == [pod]
    world.settle(0.5)
    assert last(world).reason == "Promoted"


def test_while_a_pod_is_left_out_an_interval_that_cannot_be_told_by_pod_compares_nothing() -> None:
    world = rollout(weight(50), pause("25s"))
    world.refuses = frozenset({ReplacePod})
    fall_sick(world, "rev2")
    until(world, is_told)
    for _ in range(10):
        world.counters_of("gw-0").restart()
        before, then = errors(world), world.status.evidence
        while world.status.evidence == then:
            world.tick(0.2)
        assert errors(world).samples == before.samples
    world.settle(0.5)
    assert last(world).reason == "Promoted"


def test_a_pod_that_gets_a_sick_ones_address_is_not_taken_for_it() -> None:
    world = rollout(weight(50), pause("25s"))
    fall_sick(world, "rev2")
    address = world.workloads["rev2"].pods[0].addresses
    until(world, lambda found: bool(replaced(found)))
    world.let_pods_start()

    def at_the_same_address(workload: Workload) -> Workload:
        *others, newest = workload.pods
        return replace(workload, pods=(*others, replace(newest, addresses=address)))

    world.change("rev2", at_the_same_address)
    world.settle(0.5)
    assert len(replaced(world)) == 1
    assert last(world).reason == "Promoted"


def test_a_status_that_was_edited_by_hand_begins_anew() -> None:
    world = rollout(weight(50), pause("25s"))
    until(world, lambda found: bool(found.status.evidence and found.status.evidence.pods))
    assert world.status.evidence
    mangled = evolve(world.status.evidence, pods=dict.fromkeys(world.status.evidence.pods, "nonsense"))
    world.status = evolve(world.status, evidence=mangled)
    pod = fall_sick(world, "rev2")
    world.settle(0.5)
    assert replaced(world) == [pod]
    assert last(world).reason == "Promoted"
