"""Every series in contracts is exported by its part, as it runs, and no other of ours is."""

import json

import pytest

from penstock_contracts.names import GATEWAY_AGENT_PORT, PREDICTOR_PORT
from penstock_testing.exported import OF_LOOK_UPS, differences, scraped
from penstock_testing.platform import NAMESPACE, Platform
from penstock_testing.scenes import RolloutScene

PORTS = {"controller": 8081, "gateway": GATEWAY_AGENT_PORT, "model-store": 8080, "drift-monitor": 8080}


@pytest.mark.parametrize("part", sorted(PORTS))
def test_a_part_exports_what_is_declared(platform: Platform, part: str) -> None:
    for pod in platform.pods(part):
        assert differences(scraped(platform, NAMESPACE, pod["metadata"]["name"], PORTS[part]), part) == []


def test_an_end_has_one_reason_word_in_status_event_log_line_and_metric(scene: RolloutScene) -> None:
    deployed, _ = scene.serve_first(predictor={"minReplicas": 1})
    cluster, name = scene.platform.cluster, f"{scene.namespace}/model"
    (record,) = deployed.status()["history"]
    events = [event for event in cluster.items("events", scene.namespace) if record["message"] in event["message"]]
    assert [event["reason"] for event in events] == [record["reason"]]
    (controller,) = scene.platform.pods("controller")
    pod = controller["metadata"]["name"]
    lines = map(json.loads, cluster.kubectl("logs", pod, "-n", NAMESPACE, "--tail=-1").splitlines())
    ends = [line for line in lines if line.get("key") == name and line.get("completion")]
    assert [(line["reason"], line["completion"], line["attempt"]) for line in ends] == [
        (record["reason"], record["completion"], record["attempt"])
    ]
    labels = (
        f'completion="{record["completion"]}",name="model",namespace="{scene.namespace}",reason="{record["reason"]}"'
    )
    told = scraped(scene.platform, NAMESPACE, pod, PORTS["controller"])
    assert f"penstock_controller_attempts_total{{{labels}}} 1.0" in told


def test_a_predictor_exports_what_is_declared_and_the_controller_counts_its_resource(scene: RolloutScene) -> None:
    scene.serve_first(predictor={"minReplicas": 1})
    selector = "penstock.dev/model-deployment=model"
    (pod,) = scene.platform.cluster.items("pods", scene.namespace, selector)
    text = scraped(scene.platform, scene.namespace, pod["metadata"]["name"], PREDICTOR_PORT)
    assert differences(text, "predictor", without=OF_LOOK_UPS) == []
    (controller,) = scene.platform.pods("controller")
    told = scraped(scene.platform, NAMESPACE, controller["metadata"]["name"], PORTS["controller"])
    values = dict(line.rsplit(" ", 1) for line in told.splitlines() if not line.startswith("#"))
    assert float(values['penstock_controller_resources{phase="Healthy"}']) >= 1
    assert float(values['penstock_controller_registry_reachable{registry="default"}']) == 1
