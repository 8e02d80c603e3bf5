"""How pods are told to go on with traces, and that nothing else about a pod changes."""

from dataclasses import replace
from typing import Any

from penstock_controller.rollout.decision import CreateWorkload
from penstock_controller.workload import objects
from penstock_controller.workload.placement import Placement
from penstock_testing.rollout_world import spec

COLLECTOR = "http://collector:4318"
OFF = Placement(image="predictor:1", store_url="http://store:8080", drain_seconds=5)
ON = replace(OFF, tracing_endpoint=COLLECTOR)
DIGEST = "sha256:" + "a" * 64
OWNER = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "ns", "uid": "u-1"},
}


def containers(wish: Any, placement: Placement) -> dict[str, list[dict[str, Any]]]:
    """Container to its variables about traces, as they stand in the Deployment."""
    template = objects.pod_template("m", wish, DIGEST, placement)
    workload = CreateWorkload(revision="0123456789", version="7", digest=DIGEST, replicas=1)
    pod = objects.deployment(OWNER, workload, template)["spec"]["template"]["spec"]
    return {
        one["name"]: [item for item in one["env"] if item["name"].startswith(("OTEL_", "PENSTOCK_TRACED_"))]
        for one in (*pod["initContainers"], *pod["containers"])
    }


def test_without_a_collector_a_revision_has_the_name_that_it_had_before_there_were_traces() -> None:
    assert objects.revision_of("m", spec(), DIGEST, OFF) == "5336501265"
    assert containers(spec(), OFF) == {"fetch": [], "predictor": []}


def test_a_collector_is_part_of_all_pods_so_that_its_rollouts_take_turns() -> None:
    assert objects.revision_of("m", spec(), DIGEST, ON) != objects.revision_of("m", spec(), DIGEST, OFF)
    assert objects.pods_of(ON) != objects.pods_of(OFF)


def test_the_container_that_computes_is_told_where_traces_go_and_whose_they_are() -> None:
    found = containers(spec(), ON)
    assert found["fetch"] == []
    values = {item["name"]: item["value"] for item in found["predictor"] if "value" in item}
    whose = values.pop("OTEL_RESOURCE_ATTRIBUTES").split(",")
    assert values == {
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": COLLECTOR,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_SERVICE_NAME": "penstock-predictor",
    }
    assert whose == [
        "penstock.namespace=$(PENSTOCK_TRACED_NAMESPACE)",
        "penstock.name=m",
        "penstock.revision=$(PENSTOCK_TRACED_REVISION)",
        "k8s.pod.name=$(PENSTOCK_TRACED_POD)",
    ]
    order = [item["name"] for item in found["predictor"]]
    named_before = {"PENSTOCK_TRACED_NAMESPACE", "PENSTOCK_TRACED_REVISION", "PENSTOCK_TRACED_POD"}
    assert named_before <= set(order[: order.index("OTEL_RESOURCE_ATTRIBUTES")])


def test_what_a_pod_template_says_goes_before() -> None:
    off = {"spec": {"env": [{"name": "OTEL_TRACES_EXPORTER", "value": "none"}]}}
    found = containers(spec(predictor={"podTemplate": off}), ON)["predictor"]
    assert [item["value"] for item in found if item["name"] == "OTEL_TRACES_EXPORTER"] == ["none"]
