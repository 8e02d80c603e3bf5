"""A container of one of two gateway pods hangs under load: it drops out of nothing, and is started again.

These tests take away a shared part: while they run no rollout goes on. They must run alone.
"""

import time

import pytest

from penstock_testing import faults
from penstock_testing.cluster import Object
from penstock_testing.platform import wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps

pytestmark = pytest.mark.alone

RATE = 50.0
ONE_POD: Object = {"predictor": {"minReplicas": 1}}
DEADLINE = 2.0
"""Of a request, in seconds: then a client gives up, and opens another connection."""
UNREADY = 8.0
"""Seconds after which no new connection comes to a pod whose probes fail: three of them, and the way to the node."""


def restarts(pod: Object, container: str) -> int:
    return sum(one["restartCount"] for one in pod["status"]["containerStatuses"] if one["name"] == container)


def seconds_until_started_again(scene: RolloutScene, before: Object, container: str) -> float:
    name, begin = before["metadata"]["name"], time.monotonic()

    def again() -> bool | None:
        pods = [pod for pod in scene.platform.pods("gateway") if pod["metadata"]["name"] == name]
        return any(restarts(pod, container) > restarts(before, container) for pod in pods) or None

    wait_for(f"{container} of {name} started again", again, seconds=60)
    scene.platform.wait_component("gateway", seconds=60)
    return time.monotonic() - begin


def test_a_rollout_waits_for_a_gateway_pod_whose_agent_hangs_and_no_request_fails(scene: RolloutScene) -> None:
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **by_steps(2, (50,)))
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second), rate=RATE) as run:
        victim = scene.platform.pods("gateway")[0]
        faults.hang(scene.platform.cluster, victim, "agent")
        scene.move(second)
        name = victim["metadata"]["name"]
        deployed.wait_until("waits for it", lambda status: name in str(status.get("message", "")), seconds=60)
        moved_before = run_weight(deployed.status())
        seconds = seconds_until_started_again(scene, victim, "agent")
        record = deployed.wait_for_end(second, seconds=120)
        deployed.wait_settled(seconds=60)
        result = run.result()
    print(f"the agent hung; all was right again {seconds:.1f} s after the rollout was seen to wait for it")
    result.assert_none_failed()
    assert moved_before == 0
    assert record["completion"] == "Promoted"


def run_weight(status: Object) -> int:
    """Per cent that is known to go to another version than stable."""
    backends = status["traffic"]["applied"]["backends"]
    return sum(one["weight"] for one in backends if one["revision"] != status["stable"]["revision"])


def test_an_envoy_that_hangs_is_killed_and_its_clients_go_elsewhere(scene: RolloutScene) -> None:
    _, version = scene.serve_first(**ONE_POD)
    with scene.traffic(scene.expectation(version), rate=RATE, deadline_seconds=DEADLINE) as run:
        time.sleep(2)
        victim = scene.platform.pods("gateway")[0]
        at = faults.hang(scene.platform.cluster, victim, "envoy")
        seconds = seconds_until_started_again(scene, victim, "envoy")
        time.sleep(3)
        result = run.result()
    print(f"Envoy hung; all was right again after {seconds:.1f} s; {result.failed} of {result.sent} requests failed")
    assert result.valid, result.describe()
    late = [one for one in result.failures if not at - DEADLINE <= one.scheduled.unix <= at + UNREADY]
    assert late == [], result.describe()
