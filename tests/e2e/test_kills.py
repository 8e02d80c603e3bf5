"""Parts are killed with -9 under load, one at a time."""

import time

import pytest

from penstock_testing import faults
from penstock_testing.model_deployments import Deployed
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE, wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.traffic_result import TrafficResult

BEFORE, AFTER = 2.0, 6.0


@pytest.fixture
def served(scene: RolloutScene) -> tuple[Deployed, str]:
    version = scene.register(1.0)
    scene.registry.move(scene.model, version)
    deployed = scene.serve()
    deployed.wait_settled()
    return deployed, version


def mlflow_pods(scene: RolloutScene) -> list[dict[str, object]]:
    return scene.platform.cluster.items("pods", MLFLOW_NAMESPACE, "app.kubernetes.io/name=mlflow")


def under_load(scene: RolloutScene, version: str, pod: dict[str, object]) -> tuple[TrafficResult, float]:
    with scene.traffic(scene.expectation(version)) as run:
        time.sleep(BEFORE)
        at = faults.kill(scene.platform.cluster, pod)
        time.sleep(AFTER)
        return run.result(), at


@pytest.mark.alone
@pytest.mark.parametrize("component", ["controller", "model-store", "drift-monitor"])
def test_killing_a_part_of_the_control_plane_fails_no_request(
    scene: RolloutScene, served: tuple[Deployed, str], component: str
) -> None:
    _, version = served
    result, _ = under_load(scene, version, scene.platform.pods(component)[0])
    assert result.valid, result.describe()
    assert result.failed == 0, result.describe()
    scene.platform.wait_component(component, seconds=90)


@pytest.mark.alone
def test_killing_mlflow_fails_no_request(scene: RolloutScene, served: tuple[Deployed, str]) -> None:
    deployed, version = served
    result, _ = under_load(scene, version, mlflow_pods(scene)[0])
    assert result.valid, result.describe()
    assert result.failed == 0, result.describe()
    scene.platform.wait_for_mlflow()
    wait_for(
        "RegistryReachable again",
        lambda: deployed.condition("RegistryReachable").get("status") == "True" or None,
        seconds=60,
    )


def test_killing_one_of_two_predictor_pods_fails_no_request(scene: RolloutScene, served: tuple[Deployed, str]) -> None:
    deployed, version = served
    pods = scene.platform.cluster.items("pods", scene.namespace, "penstock.dev/model-deployment=model")
    assert len(pods) == 2
    result, _ = under_load(scene, version, pods[0])
    assert result.valid, result.describe()
    assert result.failed == 0, result.describe()
    deployed.wait_ready()


@pytest.mark.alone
def test_killing_one_of_two_gateway_pods_fails_at_most_what_is_in_flight_on_it(
    scene: RolloutScene, served: tuple[Deployed, str]
) -> None:
    _, version = served
    result, at = under_load(scene, version, scene.platform.pods("gateway")[0])
    assert result.valid, result.describe()
    print(f"{result.failed} requests were in flight on the killed gateway pod")
    # The kill takes a moment to arrive: they all ended by it, so they were under way at one and the same time.
    killed = min((each.ended.unix for each in result.failures), default=at)
    assert killed >= at
    assert len(result.in_flight_at(killed)) == result.failed, result.describe()
    scene.platform.wait_component("gateway", seconds=90)


@pytest.mark.alone
def test_with_mlflow_and_controller_down_a_deleted_predictor_pod_comes_back_from_the_stores_bytes(
    scene: RolloutScene, served: tuple[Deployed, str]
) -> None:
    _, version = served
    cluster = scene.platform.cluster
    expectation = scene.expectation(version)  # from the registry, while it is there
    selector = "penstock.dev/model-deployment=model"
    away = [("deployment/mlflow", MLFLOW_NAMESPACE), ("deployment/penstock-controller", NAMESPACE)]
    for workload, where in away:
        cluster.kubectl("scale", workload, "-n", where, "--replicas=0")
    try:
        wait_for("controller gone", lambda: not scene.platform.pods("controller") or None, seconds=60)
        wait_for("mlflow gone", lambda: not mlflow_pods(scene) or None, seconds=60)
        before = {pod["metadata"]["uid"] for pod in cluster.items("pods", scene.namespace, selector)}
        victim = cluster.items("pods", scene.namespace, selector)[0]["metadata"]["name"]
        with scene.traffic(expectation) as run:
            cluster.kubectl("delete", "pod", victim, "-n", scene.namespace)
            cluster.kubectl(
                "wait", "pod", "-n", scene.namespace, "-l", selector, "--for=condition=Ready", "--timeout=90s"
            )
            time.sleep(2)
            result = run.result()
        after = {pod["metadata"]["uid"] for pod in cluster.items("pods", scene.namespace, selector)}
        assert result.failed == 0, result.describe()
        assert len(after) == 2
        assert len(after - before) == 1
    finally:
        for workload, where in away:
            cluster.kubectl("scale", workload, "-n", where, "--replicas=1")
        scene.platform.wait_for_mlflow()
        scene.platform.wait_component("controller", seconds=120)
