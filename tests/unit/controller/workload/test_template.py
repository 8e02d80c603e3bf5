"""One pod template from the administrator's and the resource's, and what of it is in the pods and in the revision."""

from dataclasses import replace
from typing import Any

import pytest

from penstock_contracts.api.pod_template import PodTemplate
from penstock_controller.rollout.decision import CreateWorkload
from penstock_controller.workload import names, objects
from penstock_controller.workload.placement import Placement
from penstock_controller.workload.template import joined
from penstock_testing.rollout_world import spec

DIGEST = "sha256:" + "a" * 64
PLACEMENT = Placement(image="predictor:1", store_url="http://store:8080")
OWNER = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "m", "namespace": "ns", "uid": "u-1"},
}
WISH = CreateWorkload(revision="rev", version="7", digest=DIGEST, replicas=3)


def template(pod: dict[str, Any], **metadata: dict[str, str]) -> PodTemplate:
    return PodTemplate.model_validate({"metadata": metadata, "spec": pod})


def pods(pod: dict[str, Any], administrators: dict[str, Any] | None = None, **metadata: dict[str, str]) -> Any:
    """The pod template of the Deployment."""
    placement = PLACEMENT if administrators is None else replace(PLACEMENT, template=template(administrators))
    wanted = spec(predictor={"podTemplate": {"metadata": metadata, "spec": pod}})
    made = objects.deployment(OWNER, WISH, objects.pod_template("m", wanted, DIGEST, placement))
    return made["spec"]["template"]


WISHES: list[dict[str, Any]] = [
    {"nodeSelector": {"pool": "models"}},
    {"tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]},
    {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}},
    {"priorityClassName": "high"},
    {"runtimeClassName": "gvisor"},
    {"schedulerName": "mine"},
    {"imagePullSecrets": [{"name": "pull"}]},
    {"serviceAccountName": "models"},
]


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: next(iter(wish)))
def test_what_a_resource_asks_for_is_in_its_pods_and_in_its_revision(wish: dict[str, Any]) -> None:
    assert wish.items() <= pods(wish)["spec"].items()
    wanted = spec(predictor={"podTemplate": {"spec": wish}})
    assert objects.revision_of("m", wanted, DIGEST, PLACEMENT) != objects.revision_of("m", spec(), DIGEST, PLACEMENT)


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: next(iter(wish)))
def test_what_the_administrator_asks_for_is_in_all_pods_and_makes_new_revisions(wish: dict[str, Any]) -> None:
    assert wish.items() <= pods({}, wish)["spec"].items()
    assert objects.pods_of(replace(PLACEMENT, template=template(wish))) != objects.pods_of(PLACEMENT)


def test_an_empty_template_is_the_revision_that_none_is() -> None:
    wanted = spec(predictor={"podTemplate": {"metadata": {}, "spec": {}}})
    assert objects.revision_of("m", wanted, DIGEST, PLACEMENT) == objects.revision_of("m", spec(), DIGEST, PLACEMENT)


def test_labels_and_annotations_are_on_the_pods_and_none_of_ours_is_lost() -> None:
    found = pods({}, labels={"team": "risk"}, annotations={"owner": "me"})["metadata"]
    assert found["labels"]["team"] == "risk"
    assert found["labels"].items() >= names.labels("m", "rev").items()
    assert found["annotations"]["owner"] == "me"
    assert found["annotations"][names.ANNOTATION_DIGEST] == DIGEST


def test_a_label_is_in_the_revision() -> None:
    wanted = spec(predictor={"podTemplate": {"metadata": {"labels": {"team": "risk"}}}})
    assert objects.revision_of("m", wanted, DIGEST, PLACEMENT) != objects.revision_of("m", spec(), DIGEST, PLACEMENT)


def test_variables_and_volumes_reach_both_containers_beside_ours() -> None:
    pod = pods(
        {
            "env": [{"name": "OMP_NUM_THREADS", "value": "1"}],
            "volumes": [{"name": "ca", "configMap": {"name": "ca"}}],
            "volumeMounts": [{"name": "ca", "mountPath": "/etc/ssl/certs/ours"}],
        }
    )["spec"]
    assert pod["volumes"][-1] == {"name": "ca", "configMap": {"name": "ca"}}
    assert [volume["name"] for volume in pod["volumes"]] == ["model", "tmp", "ca"]
    for container in (*pod["initContainers"], *pod["containers"]):
        assert {"name": "OMP_NUM_THREADS", "value": "1"} in container["env"]
        assert {"name": "ca", "mountPath": "/etc/ssl/certs/ours"} in container["volumeMounts"]
        assert len({one["name"] for one in container["env"]}) == len(container["env"])


def test_an_empty_folder_has_an_empty_value() -> None:
    assert pods({"volumes": [{"name": "a", "emptyDir": {}}]})["spec"]["volumes"][-1] == {"name": "a", "emptyDir": {}}


def test_a_constraint_counts_the_pods_of_the_revision() -> None:
    zone = {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
    (found,) = pods({"topologySpreadConstraints": [zone]})["spec"]["topologySpreadConstraints"]
    assert zone.items() <= found.items()
    assert found["matchLabelKeys"] == ["penstock.dev/revision"]


def test_the_built_in_user_is_nobody_and_a_resource_changes_one_field_of_it() -> None:
    assert pods({})["spec"]["securityContext"]["runAsUser"] == 65532
    context = pods({"securityContext": {"runAsUser": 1000650000}})["spec"]["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"], context["runAsNonRoot"]) == (1000650000, 65532, True)


def test_an_administrator_can_leave_the_user_to_the_cluster() -> None:
    context = pods({}, {"securityContext": {"runAsNonRoot": True}})["spec"]["securityContext"]
    assert context == {"runAsNonRoot": True}


def test_a_containers_security_context_takes_nothing_from_ours() -> None:
    pod = pods({"containerSecurityContext": {"runAsNonRoot": True, "runAsUser": 7}})["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        context = container["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"]) == (True, 7)
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True


def test_when_the_kubelet_pulls_is_the_administrators_choice() -> None:
    placement = replace(PLACEMENT, pull_policy="Always")
    pod = objects.pod_template("m", spec(), DIGEST, placement)["spec"]
    assert {item["imagePullPolicy"] for item in (*pod["initContainers"], *pod["containers"])} == {"Always"}


def test_lists_are_joined_by_name_and_the_resource_goes_before() -> None:
    under = template(
        {
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
            "imagePullSecrets": [{"name": "all"}],
            "nodeSelector": {"pool": "any", "os": "linux"},
            "tolerations": [{"key": "one", "operator": "Exists"}],
            "priorityClassName": "low",
        },
        labels={"team": "all", "env": "prod"},
    )
    over = template(
        {
            "env": [{"name": "B", "value": "2"}],
            "imagePullSecrets": [{"name": "mine"}, {"name": "all"}],
            "nodeSelector": {"pool": "models"},
            "tolerations": [{"key": "two", "operator": "Exists"}, {"key": "one", "operator": "Exists"}],
            "priorityClassName": "high",
        },
        labels={"team": "risk"},
    )
    assert joined(under, over) == {
        "metadata": {"labels": {"team": "risk", "env": "prod"}},
        "spec": {
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "imagePullSecrets": [{"name": "all"}, {"name": "mine"}],
            "nodeSelector": {"pool": "models", "os": "linux"},
            "tolerations": [{"key": "one", "operator": "Exists"}, {"key": "two", "operator": "Exists"}],
            "priorityClassName": "high",
        },
    }
