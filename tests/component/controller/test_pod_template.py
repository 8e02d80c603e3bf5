"""What `spec.predictor.podTemplate` adds, through a real API server: kept as declared, and kept in the record."""

from dataclasses import replace
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient

from penstock_controller.adapters.kubernetes.child_objects import DEPLOYMENTS, RECORDS, ChildObjects
from penstock_controller.adapters.kubernetes.resources import KubernetesResources
from penstock_controller.adapters.kubernetes.workloads import KubernetesWorkloads
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import CreateWorkload, RestoreChild
from penstock_controller.rollout.observation import ChildKind, Workload
from penstock_controller.workload.objects import Object, revision_of
from penstock_controller.workload.placement import Placement
from penstock_testing.rollout_world import spec

PLACEMENT = Placement(image="localhost/no-such-image:1", store_url="http://store:8080")
DIGEST = "sha256:" + "a" * 64
ZONE = "topology.kubernetes.io/zone"
TEMPLATE: Object = {
    "metadata": {"labels": {"team": "risk"}, "annotations": {"owner": "me"}},
    "spec": {
        "nodeSelector": {"pool": "models"},
        "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}, {"operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}]
                }
            }
        },
        "topologySpreadConstraints": [
            {"topologyKey": ZONE, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"},
            {"topologyKey": ZONE, "maxSkew": 2, "whenUnsatisfiable": "ScheduleAnyway"},
        ],
        "schedulerName": "mine",
        "imagePullSecrets": [{"name": "pull"}],
        "serviceAccountName": "models",
        "securityContext": {
            "runAsUser": 1000650000,
            "supplementalGroups": [5],
            "fsGroupChangePolicy": "OnRootMismatch",
        },
        "containerSecurityContext": {"runAsNonRoot": True},
        "env": [
            {"name": "LEVEL", "value": ""},
            {"name": "HOST", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}},
            {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "words", "key": "one", "optional": False}}},
        ],
        "volumes": [
            {"name": "ca", "configMap": {"name": "ca"}},
            {"name": "word", "secret": {"secretName": "words", "items": [{"key": "one", "path": "one"}]}},
            {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1024Mi"}},
            {
                "name": "token",
                "projected": {"sources": [{"serviceAccountToken": {"audience": "vault", "path": "token"}}]},
            },
        ],
        "volumeMounts": [
            {"name": name, "mountPath": f"/mnt/{name}", "readOnly": True} for name in ("ca", "word", "token")
        ],
    },
}


@pytest.fixture
def workloads(api: ApiClient) -> KubernetesWorkloads:
    return KubernetesWorkloads(api, PLACEMENT)


@pytest.fixture
async def resource(api: ApiClient, key: ResourceKey) -> ModelDeployment:
    found = await KubernetesResources(api).read(key)
    assert found is not None
    return replace(found, spec=spec(predictor={"podTemplate": TEMPLATE}))


@pytest.fixture
async def made(workloads: KubernetesWorkloads, resource: ModelDeployment) -> CreateWorkload:
    """One revision with all that the template can ask for."""
    revision = revision_of(resource.key.name, resource.spec, DIGEST, PLACEMENT)
    wish = CreateWorkload(revision=revision, version="1", digest=DIGEST, replicas=1)
    await workloads.execute(resource, wish)
    await workloads.execute(resource, RestoreChild(revision=revision, kind=ChildKind.BUDGET))
    return wish


async def seen(workloads: KubernetesWorkloads, resource: ModelDeployment) -> Workload:
    (workload,) = (await workloads.observe(resource)).workloads
    return workload


async def template_of(api: ApiClient, resource: ModelDeployment, wish: CreateWorkload) -> Any:
    name = f"{resource.key.name}-{wish.revision}"
    found = await ChildObjects(api).find(DEPLOYMENTS, resource.key.namespace, name)
    return found and found["spec"]["template"]


async def test_the_api_server_takes_all_of_it_and_at_rest_nothing_of_it_differs(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment, made: CreateWorkload
) -> None:
    template = await template_of(api, resource, made)
    assert template["metadata"]["labels"]["team"] == "risk"
    wanted = TEMPLATE["spec"]
    for part in ("nodeSelector", "tolerations", "affinity", "schedulerName", "imagePullSecrets", "serviceAccountName"):
        assert template["spec"][part] == wanted[part]
    assert template["spec"]["securityContext"]["runAsUser"] == 1000650000
    assert (await seen(workloads, resource)).differences == ()


EDITS: list[Any] = [
    pytest.param({"spec": {"nodeSelector": {"pool": "other"}}}, id="node selector"),
    pytest.param({"spec": {"tolerations": None}}, id="tolerations"),
    pytest.param({"spec": {"imagePullSecrets": [{"name": "other"}]}}, id="pull secret"),
    pytest.param({"spec": {"securityContext": {"runAsUser": 7}}}, id="user"),
    pytest.param({"metadata": {"labels": {"team": "other"}}}, id="label"),
    pytest.param({"spec": {"affinity": None}}, id="affinity"),
]


@pytest.mark.parametrize("patch", EDITS)
async def test_what_somebody_edits_of_it_is_put_back(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment, made: CreateWorkload, patch: Object
) -> None:
    before = await template_of(api, resource, made)
    path = DEPLOYMENTS.path(resource.key.namespace, f"{resource.key.name}-{made.revision}")
    body = {"spec": {"template": patch}}
    content = "application/merge-patch+json"
    await ChildObjects(api)._call("PATCH", path, [("fieldManager", "kubectl")], body, content)
    (found,) = (await seen(workloads, resource)).differences
    await workloads.execute(resource, RestoreChild(revision=made.revision, kind=found.kind))
    assert await template_of(api, resource, made) == before
    assert (await seen(workloads, resource)).differences == ()


async def test_a_stable_revision_comes_back_with_its_template_although_the_spec_has_another_since(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment, made: CreateWorkload
) -> None:
    before = await template_of(api, resource, made)
    objects, name = ChildObjects(api), f"{resource.key.name}-{made.revision}"
    record = await objects.find(RECORDS, resource.key.namespace, name)
    assert record
    assert record["data"]["template"]["spec"]["imagePullSecrets"] == [{"name": "pull"}]
    assert record["data"]["template"]["metadata"]["labels"]["team"] == "risk"
    live = await objects.find(DEPLOYMENTS, resource.key.namespace, name)
    assert live
    await objects.delete(DEPLOYMENTS, live)
    edited = replace(resource, spec=spec(predictor={"podTemplate": {"spec": {"nodeSelector": {"pool": "new"}}}}))
    await workloads.execute(edited, made)
    assert await template_of(api, edited, made) == before
    assert (await seen(workloads, edited)).differences == ()
