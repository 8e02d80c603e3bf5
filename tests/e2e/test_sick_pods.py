"""One pod of a version answers 500 to every user: the pod goes, the version stays, and no user gets an error."""

import time
from collections.abc import Callable

import pytest

from penstock_contracts.names import COMPONENT_GATEWAY, LABEL_REVISION
from penstock_testing.cluster import Object
from penstock_testing.faults import answering_errors
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import canary, pause, weight

TWO_PODS: Object = {
    "predictor": {"minReplicas": 2},
    "analysis": {"interval": "1s", "gates": [{"name": "error-rate", "minSamples": 50}]},
    "bake": {"duration": "0s"},
}


def pods_of(scene: RolloutScene, revision: str) -> dict[str, Object]:
    pods = scene.platform.cluster.items("pods", scene.namespace, f"{LABEL_REVISION}={revision}")
    return {pod["metadata"]["name"]: pod for pod in pods}


@pytest.mark.parametrize("sick", ["candidate", "stable"])
def test_a_sick_pod_is_named_and_replaced_and_the_version_is_promoted(
    scene: RolloutScene, told: Callable[[], str], sick: str
) -> None:
    deployed, first = scene.serve_first(**TWO_PODS, **canary(weight(50), pause(30)))
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second)) as run:
        time.sleep(1)
        scene.move(second)
        deployed.wait_for_weight(second, 50)
        revision = deployed.status()[sick]["revision"]
        before = pods_of(scene, revision)
        name, pod = min(before.items())
        with answering_errors(scene.platform.cluster, pod, scene.platform.pods(COMPONENT_GATEWAY)):
            named = deployed.wait_until(
                "the sick pod is named", lambda status: status.get("evidence", {}).get("sickPods")
            )
            deployed.wait_until("the sick pod has left", lambda _: name not in pods_of(scene, revision))
        record = deployed.wait_for_end(second)
        after = pods_of(scene, revision) if sick == "candidate" else {}
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert [one["name"] for one in named["evidence"]["sickPods"]] == [name]
    (condition,) = (one for one in named["conditions"] if one["type"] == "PodsHealthy")
    assert (condition["status"], condition["reason"]) == ("False", "SickPod")
    assert name in condition["message"]
    assert (record["completion"], record["reason"]) == ("Promoted", "Promoted")
    assert f"left out as sick: {name}" in record["message"]
    (gate,) = (one for one in record["gates"] if one["name"] == "error-rate")
    assert gate["verdict"] == "pass"
    assert f"pod {name} is sick" in told()
    if sick == "candidate":
        assert len(after) == 2
        assert len(after.keys() & before.keys()) == 1
