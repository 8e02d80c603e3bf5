"""A revision's Kubernetes objects, without I/O."""

from dataclasses import replace

import pytest

from penstock_controller.rollout.decision import CreateWorkload
from penstock_controller.rollout.observation import Bounds
from penstock_controller.workload import objects
from penstock_controller.workload.autoscaler import horizontal_pod_autoscaler
from penstock_controller.workload.budget import pod_disruption_budget
from penstock_controller.workload.placement import Placement
from penstock_testing.rollout_world import spec

PLACEMENT = Placement(image="predictor:1", store_url="http://store:8080", drain_seconds=5)
DIGEST = "sha256:" + "a" * 64
OWNER = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "ns", "uid": "u-1"},
}
WISH = CreateWorkload(revision="rev", version="7", digest=DIGEST, replicas=3)


def made() -> objects.Object:
    return objects.deployment(OWNER, WISH, objects.pod_template("m", spec(), DIGEST, PLACEMENT))


def test_equal_bytes_and_template_are_one_revision() -> None:
    assert objects.revision_of("m", spec(), DIGEST, PLACEMENT) == objects.revision_of("m", spec(), DIGEST, PLACEMENT)


def test_other_bytes_template_image_or_drain_are_other_revisions() -> None:
    revisions = {
        objects.revision_of("m", spec(), DIGEST, PLACEMENT),
        objects.revision_of("m", spec(predictor={"batcher": {"maxLatency": "5ms"}}), DIGEST, PLACEMENT),
        objects.revision_of("m", spec(predictor={"workers": 2}), DIGEST, PLACEMENT),
        objects.revision_of("m", spec(), "sha256:" + "b" * 64, PLACEMENT),
        objects.revision_of("m", spec(predictor={"timeout": "5s"}), DIGEST, PLACEMENT),
        objects.revision_of("m", spec(predictor={"resources": {"limits": {"memory": "2Gi"}}}), DIGEST, PLACEMENT),
        objects.revision_of("m", spec(), DIGEST, Placement(image="predictor:2", store_url="http://store:8080")),
    }
    assert len(revisions) == 7


def test_what_the_administrator_wants_of_all_pods_has_a_name_of_its_own() -> None:
    every = [
        PLACEMENT,
        replace(PLACEMENT, image="predictor:2"),
        replace(PLACEMENT, drain_seconds=6),
        replace(PLACEMENT, store_url="http://store:8081"),
    ]
    assert len({objects.pods_of(placement) for placement in every}) == len(every)
    assert objects.pods_of(replace(PLACEMENT)) == objects.pods_of(PLACEMENT)


def test_the_number_of_pods_and_the_waiting_times_of_a_rollout_are_not_in_the_revision() -> None:
    same = {
        objects.revision_of("m", spec(), DIGEST, PLACEMENT),
        objects.revision_of("m", spec(predictor={"minReplicas": 9}), DIGEST, PLACEMENT),
        objects.revision_of("m", spec(predictor={"maxReplicas": 9, "targetCPUUtilization": 50}), DIGEST, PLACEMENT),
        objects.revision_of("m", spec(progressDeadline="1h", paused=True), DIGEST, PLACEMENT),
    }
    assert len(same) == 1


def test_a_pod_holds_no_token_and_outlives_its_drain_and_its_longest_request() -> None:
    pod = objects.pod_template("m", spec(predictor={"timeout": "30s"}), DIGEST, PLACEMENT)["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["terminationGracePeriodSeconds"] > 5 + 30
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def test_the_version_is_told_to_the_pods_though_it_is_not_in_the_revision() -> None:
    deployment = made()
    pod = deployment["spec"]["template"]["spec"]
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert {"name": "PENSTOCK_MODEL_VERSION", "value": "7"} in container["env"]


@pytest.mark.parametrize(
    ("predictor", "told"),
    [
        ({}, ("256", "0", "1")),
        ({"batcher": {"maxBatchSize": 1}}, ("1", "0", "1")),
        ({"batcher": {"maxLatency": "2ms"}, "workers": 4}, ("256", "0.002", "4")),
        ({"batcher": {"maxBatchSize": 1024, "maxLatency": "1s"}, "workers": 16}, ("1024", "1", "16")),
    ],
)
def test_pods_are_told_how_to_batch_and_how_many_processes_to_be(
    predictor: dict[str, object], told: tuple[str, ...]
) -> None:
    (container,) = objects.pod_template("m", spec(predictor=predictor), DIGEST, PLACEMENT)["spec"]["containers"]
    values = {variable["name"]: variable["value"] for variable in container["env"]}
    names = ("PENSTOCK_MAX_BATCH_SIZE", "PENSTOCK_MAX_LATENCY_SECONDS", "PENSTOCK_WORKERS")
    assert tuple(values[name] for name in names) == told


def test_the_service_leads_to_ports_that_the_container_names() -> None:
    (container,) = objects.pod_template("m", spec(), DIGEST, PLACEMENT)["spec"]["containers"]
    service = objects.service(OWNER, "rev", DIGEST)
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {"http": 8000, "grpc": 8001}
    assert {port["targetPort"]: port["port"] for port in service["spec"]["ports"]} == {"http": 80, "grpc": 81}


def test_children_go_with_their_owner_without_blocking_it() -> None:
    for child in (made(), objects.service(OWNER, "rev", DIGEST)):
        (reference,) = child["metadata"]["ownerReferences"]
        assert reference["uid"] == "u-1"
        assert reference["controller"] is True
        assert reference["blockOwnerDeletion"] is False


def test_the_service_selects_exactly_its_revision_and_carries_the_labels_that_its_slices_inherit() -> None:
    service = objects.service(OWNER, "rev", DIGEST)
    wanted = {"penstock.dev/model-deployment": "m", "penstock.dev/revision": "rev"}
    assert service["spec"]["selector"] == wanted
    assert wanted.items() <= service["metadata"]["labels"].items()


def test_the_longest_names_are_valid_for_a_service() -> None:
    owner = OWNER | {"metadata": {"name": "m" * 40, "namespace": "ns", "uid": "u"}}
    revision = objects.revision_of("m" * 40, spec(), DIGEST, PLACEMENT)
    assert len(objects.service(owner, revision, DIGEST)["metadata"]["name"]) <= 63


def test_what_belongs_to_a_revision_is_named_alike_and_owned_by_the_resource() -> None:
    made_all = (
        made(),
        objects.service(OWNER, "rev", DIGEST),
        horizontal_pod_autoscaler(OWNER, "rev", Bounds(floor=2, ceiling=5, target=70)),
        pod_disruption_budget(OWNER, "rev"),
    )
    assert {each["metadata"]["name"] for each in made_all} == {"m-rev"}
    assert {each["metadata"]["ownerReferences"][0]["uid"] for each in made_all} == {"u-1"}
    assert len({str(each["metadata"]["labels"]) for each in made_all}) == 1


def test_a_drain_may_take_the_only_pod_there_is() -> None:
    """`minAvailable: 1` would hold it up for ever."""
    budget = pod_disruption_budget(OWNER, "rev")["spec"]
    assert budget["maxUnavailable"] == 1
    assert "minAvailable" not in budget
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_pods_are_spread_where_that_can_be_and_each_revision_by_itself() -> None:
    pod = objects.pod_template("m", spec(), DIGEST, PLACEMENT)["spec"]
    assert [each["topologyKey"] for each in pod["topologySpreadConstraints"]] == [
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    ]
    for each in pod["topologySpreadConstraints"]:
        assert each["whenUnsatisfiable"] == "ScheduleAnyway"
        assert each["matchLabelKeys"] == ["penstock.dev/revision"]
