"""Parts fail in the middle of a rollout: it ends as it would have, and of 50 requests a second none fails."""

import time
from collections.abc import Callable

import pytest

from penstock_testing import deep, faults
from penstock_testing.cluster import CommandError, Object
from penstock_testing.faulty_models import Build, failing
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE, wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps
from penstock_testing.traffic_result import TrafficResult

pytestmark = pytest.mark.alone

RATE = 50.0
ONE_POD: Object = {"predictor": {"minReplicas": 1}}
OUTAGE = deep.seconds(20.0, deep=60.0)
LIFE = 3.0
"""Seconds that a controller lives from the moment it is ready."""
CONTROLLER = ("penstock-controller", NAMESPACE, "app.kubernetes.io/component=controller")
MLFLOW = ("mlflow", MLFLOW_NAMESPACE, "app.kubernetes.io/name=mlflow")


def assert_a_quarter(result: TrafficResult, version: str, start: float, end: float) -> None:
    """The version answered about a quarter of the requests sent in that time (four standard deviations)."""
    counts = result.by_version_between(start, end)
    total = sum(counts.values())
    assert abs(counts.get(version, 0) / total - 0.25) < 4 * (0.25 * 0.75 / total) ** 0.5, counts


@pytest.mark.parametrize(
    ("build", "silent_below", "completion", "reason", "least"),
    [
        pytest.param(2.0, 0.0, "Promoted", "Promoted", 3, id="promotion"),
        # It is over after about ten seconds: two lives of a controller.
        pytest.param(
            failing(2.0, share=0.2), 0.2, "RolledBack", "GateFailed", 2, id="rollback", marks=pytest.mark.deep
        ),
    ],
)
def test_a_controller_killed_every_3_seconds_comes_to_the_same_end(
    scene: RolloutScene,
    told: Callable[[], str],
    build: float | Build,
    *,
    silent_below: float,
    completion: str,
    reason: str,
    least: int,
) -> None:
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **by_steps(3))
    second = scene.register(build)
    expectation = scene.expectation(first, second, silent_below={second: silent_below})

    def kill_the_controller() -> None:
        for pod in scene.platform.pods("controller"):
            faults.replace(scene.platform.cluster, pod)
        scene.platform.wait_component("controller", seconds=60)

    with scene.traffic(expectation, rate=RATE) as run:
        with faults.Repeatedly(kill_the_controller, pause=LIFE) as kills:
            scene.move(second)
            record = deployed.wait_for_end(second, seconds=200)
            deployed.wait_settled(seconds=60)
        result = run.result()
    print(f"the controller was killed {kills.times} times")
    result.assert_none_failed()
    assert kills.times >= least
    assert (record["completion"], record["reason"]) == (completion, reason)
    assert deployed.status()["stable"]["version"] == (second if completion == "Promoted" else first)
    assert record["message"] in told()


def test_with_the_api_server_stopped_users_notice_nothing_and_then_it_goes_on(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **by_steps(3, (25, 50)))
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second), rate=RATE) as run:
        scene.move(second)
        deployed.wait_for_weight(second, 25)
        with faults.stopped_api_server(scene.platform.cluster):
            start = time.time() + 1.0  # what the controller had sent before may still take effect
            time.sleep(OUTAGE)
            end = time.time()
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert_a_quarter(result, second, start, end)
    assert record["completion"] == "Promoted"
    assert record["message"] in told()


def test_a_rollback_needs_neither_the_registry_nor_a_new_pod(scene: RolloutScene, told: Callable[[], str]) -> None:
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **by_steps(None, (25,)))
    second = scene.register(failing(2.0, share=0.3))
    silent = {second: 0.3}
    harmless = scene.expectation(first, second, questions=scene.questions(above=0.3), silent_below=silent)
    harmful = scene.expectation(first, second, silent_below=silent)
    cluster = scene.platform.cluster
    with scene.traffic(harmless, rate=RATE) as before:
        scene.move(second)
        deployed.wait_paused(second, 25)
        with faults.scaled_to_zero(cluster, *MLFLOW), faults.cordoned(cluster):
            wait_for(
                "RegistryReachable=False",
                lambda: deployed.condition("RegistryReachable").get("status") == "False" or None,
                seconds=60,
            )
            with scene.traffic(harmful, rate=RATE) as after:
                before.stop()
                record = deployed.wait_for_end(second)
                results = [before.result(), after.result()]
            text = told()
    for result in results:
        result.assert_none_failed()
    assert (record["completion"], record["reason"]) == ("RolledBack", "GateFailed")
    assert deployed.status()["stable"]["version"] == first
    assert record["message"] in text


def test_stable_whose_deployment_is_deleted_after_a_rollback_comes_back_without_registry_and_spec(
    scene: RolloutScene,
) -> None:
    """What is wanted is another version, which was refused, and spec.predictor is not what stable runs as."""
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **by_steps(3, (25,)))
    second = scene.register(failing(2.0))
    expectation = scene.expectation(first, second, silent_below={second: 1.0})
    cluster = scene.platform.cluster
    with scene.traffic(expectation, rate=RATE) as run:
        scene.move(second)
        assert deployed.wait_for_end(second)["completion"] == "RolledBack"
        deployed.wait_settled()
        run.result().assert_none_failed()
    harmless = scene.expectation(first)  # from the registry, while it is there
    with faults.scaled_to_zero(cluster, *MLFLOW):
        deployed.edit(predictor={"resources": {"requests": {"cpu": "150m"}}}, paused=True)
        name = f"model-{deployed.status()['stable']['revision']}"
        before = cluster.get("deployment", name, scene.namespace)
        with scene.traffic(harmless, rate=RATE) as run:
            cluster.kubectl("delete", "deployment", name, "-n", scene.namespace)
            at = time.time()
            wait_for("a ready pod", lambda: _is_ready(scene, name) or None, seconds=60)
            print(f"stable's pod is ready after {time.time() - at:.1f} s")
            time.sleep(5)
            result = run.result()
    after = cluster.get("deployment", name, scene.namespace)
    assert before
    assert after
    assert after["spec"]["template"] == before["spec"]["template"]
    last = max((each.ended.unix - at for each in result.failures), default=0.0)
    print(f"last failure after {last:.1f} s; {result.describe()}")
    assert result.sent_after(at + last, first) > 0
    assert deployed.condition("Ready")["status"] == "True"


def _is_ready(scene: RolloutScene, name: str) -> bool:
    found = scene.platform.cluster.get("deployment", name, scene.namespace) or {}
    return bool((found.get("status") or {}).get("readyReplicas"))


def _acknowledged(scene: RolloutScene) -> set[int] | None:
    """The splits that gateway pods have confirmed; None: one of two does not answer, whatever its readiness says."""
    try:
        pods = scene.platform.acknowledged(scene.namespace, "model")
    except CommandError:
        return None
    return {pod.number for pod in pods} if len(pods) == len(scene.platform.pods("gateway")) else None


def test_a_gateway_pod_that_is_killed_while_the_controller_is_away_comes_back_with_the_right_weights(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **by_steps(None, (25,)))
    second = scene.register(2.0)
    cluster = scene.platform.cluster
    with scene.traffic(scene.expectation(first, second), rate=RATE) as run:
        scene.move(second)
        status = deployed.wait_paused(second, 25)
        with faults.scaled_to_zero(cluster, *CONTROLLER):
            at = faults.kill(cluster, scene.platform.pods("gateway")[0])
            acknowledged = wait_for("both gateway pods answer again", lambda: _acknowledged(scene), seconds=60)
            start = time.time() + 1.0
            time.sleep(8)
            end = time.time()
        result = run.result()
    assert result.valid, result.describe()
    print(f"{result.failed} requests were in flight on the killed gateway pod")
    assert len(result.in_flight_at(at)) == result.failed, result.describe()
    assert acknowledged == {status["traffic"]["desired"]["number"]}
    assert_a_quarter(result, second, start, end)
    assert f"version {second}" in told()
