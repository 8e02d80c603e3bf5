"""The objects of revisions through a real API server: made, edited, taken away, foreign, or of an earlier life."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, ApiException, AppsV1Api, AutoscalingV2Api, CoreV1Api, CustomObjectsApi

from penstock_contracts.names import GROUP, PLURAL, VERSION
from penstock_controller.adapters.kubernetes.autoscalers import KubernetesAutoscalers
from penstock_controller.adapters.kubernetes.child_objects import (
    AUTOSCALERS,
    BUDGETS,
    DEPLOYMENTS,
    RECORDS,
    SERVICES,
    ChildObjects,
)
from penstock_controller.adapters.kubernetes.child_objects import ApiKind as Kinds
from penstock_controller.adapters.kubernetes.resources import KubernetesResources
from penstock_controller.adapters.kubernetes.workloads import KubernetesWorkloads
from penstock_controller.errors import Rejected
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import (
    CreateWorkload,
    DeleteWorkload,
    ForgetPromotion,
    MarkPromoted,
    RemoveAutoscaler,
    RestoreChild,
    ScaleWorkload,
    SetAutoscaler,
)
from penstock_controller.rollout.observation import Bounds, ChildKind, Difference, Workload
from penstock_controller.workload.objects import revision_of
from penstock_controller.workload.placement import Placement
from penstock_testing.gateway.cluster import create_model_deployment
from penstock_testing.rollout_world import spec

PLACEMENT = Placement(image="localhost/no-such-image:1", store_url="http://store:8080")
DIGEST = "sha256:" + "a" * 64
BOUNDS = Bounds(floor=2, ceiling=5, target=70)
KINDS = {
    ChildKind.RECORD: RECORDS,
    ChildKind.SERVICE: SERVICES,
    ChildKind.BUDGET: BUDGETS,
    ChildKind.DEPLOYMENT: DEPLOYMENTS,
}
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


@pytest.fixture
async def resource(api: ApiClient, key: ResourceKey) -> ModelDeployment:
    return await read(api, key)


async def read(api: ApiClient, key: ResourceKey) -> ModelDeployment:
    found = await KubernetesResources(api).read(key)
    assert found is not None
    return found


@pytest.fixture
def objects(api: ApiClient) -> ChildObjects:
    return ChildObjects(api)


@pytest.fixture
def workloads(api: ApiClient) -> KubernetesWorkloads:
    return KubernetesWorkloads(api, PLACEMENT)


@pytest.fixture
async def made(api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment) -> CreateWorkload:
    """One revision with all of its objects."""
    return await all_of(api, workloads, resource)


async def all_of(api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment) -> CreateWorkload:
    wish = creation(resource)
    await workloads.execute(resource, wish)
    await workloads.execute(resource, RestoreChild(revision=wish.revision, kind=ChildKind.BUDGET))
    await KubernetesAutoscalers(api).execute(resource, SetAutoscaler(revision=wish.revision, bounds=BOUNDS))
    return wish


def creation(resource: ModelDeployment) -> CreateWorkload:
    revision = revision_of(resource.key.name, resource.spec, DIGEST, PLACEMENT)
    return CreateWorkload(revision=revision, version="1", digest=DIGEST, replicas=2)


def name_of(resource: ModelDeployment, wish: CreateWorkload) -> str:
    return f"{resource.key.name}-{wish.revision}"


async def seen(workloads: KubernetesWorkloads, resource: ModelDeployment) -> Workload:
    (workload,) = (await workloads.observe(resource)).workloads
    return workload


async def edit(
    api: ApiClient,
    kind: Kinds,
    namespace: str,
    name: str,
    patch: Any,
    *,
    content: str = MERGE,
    manager: str = "kubectl",
) -> None:
    """Somebody changes an object, as kubectl does."""
    objects = ChildObjects(api)
    await objects._call("PATCH", kind.path(namespace, name), [("fieldManager", manager)], patch, content)


async def restore_all(workloads: KubernetesWorkloads, resource: ModelDeployment) -> tuple[Difference, ...]:
    """What the engine asks for until nothing differs; answers what had differed."""
    before = (await seen(workloads, resource)).differences
    for difference in before:
        revision = (await seen(workloads, resource)).revision
        await workloads.execute(resource, RestoreChild(revision=revision, kind=difference.kind))
    assert (await seen(workloads, resource)).differences == ()
    return before


async def versions(objects: ChildObjects, resource: ModelDeployment, wish: CreateWorkload) -> list[str]:
    found = [await objects.find(kind, resource.key.namespace, name_of(resource, wish)) for kind in KINDS.values()]
    return [item["metadata"]["uid"] + str(item["metadata"].get("generation")) for item in found if item]


async def test_a_workload_is_made_scaled_marked_and_deleted_and_each_may_be_repeated(
    workloads: KubernetesWorkloads, objects: ChildObjects, resource: ModelDeployment
) -> None:
    wish = creation(resource)
    for _ in range(2):
        await workloads.execute(resource, wish)
    made = await seen(workloads, resource)
    assert (made.revision, made.version, made.digest, made.replicas) == (wish.revision, "1", DIGEST, 2)
    assert made.promoted_attempt is None
    assert made.differences == (Difference(kind=ChildKind.BUDGET),)
    for action in (
        ScaleWorkload(revision=wish.revision, replicas=3),
        MarkPromoted(revision=wish.revision, attempt=4),
    ):
        await workloads.execute(resource, action)
        await workloads.execute(resource, action)
    changed = await seen(workloads, resource)
    assert (changed.replicas, changed.promoted_attempt) == (3, 4)
    await workloads.execute(resource, ForgetPromotion(revision=wish.revision))
    assert (await seen(workloads, resource)).promoted_attempt is None
    for _ in range(2):
        await workloads.execute(resource, DeleteWorkload(revision=wish.revision))
    left = await workloads.observe(resource)
    assert (left.workloads, left.remains) == ((), frozenset())
    for kind in (*KINDS.values(), AUTOSCALERS):
        assert await objects.find(kind, resource.key.namespace, name_of(resource, wish)) is None


async def test_every_object_is_made_by_our_manager_owned_by_uid_and_labelled(
    objects: ChildObjects, resource: ModelDeployment, made: CreateWorkload
) -> None:
    for kind in (*KINDS.values(), AUTOSCALERS):
        item = await objects.find(kind, resource.key.namespace, name_of(resource, made))
        assert item, kind
        assert item["metadata"]["ownerReferences"][0]["uid"] == resource.raw["metadata"]["uid"]
        assert item["metadata"]["labels"]["penstock.dev/revision"] == made.revision
        managers = {entry["manager"] for entry in item["metadata"]["managedFields"] if not entry.get("subresource")}
        assert managers <= {"penstock-controller", "kube-controller-manager"}, managers


async def test_what_was_made_differs_in_nothing_also_where_the_api_server_writes_values_anew(
    api: ApiClient, workloads: KubernetesWorkloads, key: ResourceKey
) -> None:
    """A cpu of 1000m is kept as 1; that is no edit."""
    predictor = {"resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}, "limits": {"memory": "1024Mi"}}}
    resource = replace(await read(api, key), spec=spec(predictor=predictor))
    await all_of(api, workloads, resource)
    workload = await seen(workloads, resource)
    assert workload.differences == ()
    assert workload.autoscaler is not None
    assert workload.autoscaler.declared


ENVIRONMENT = {"name": "PENSTOCK_MODEL_NAME", "value": "other"}
EDITS: list[Any] = [
    pytest.param(ChildKind.SERVICE, {"spec": {"selector": {"penstock.dev/revision": "other"}}}, MERGE, id="selector"),
    pytest.param(ChildKind.SERVICE, {"spec": {"selector": {"tier": "gold"}}}, MERGE, id="selector with more"),
    pytest.param(ChildKind.SERVICE, {"spec": {"ports": [{"port": 8080, "targetPort": 9999}]}}, MERGE, id="other ports"),
    pytest.param(ChildKind.SERVICE, {"spec": {"publishNotReadyAddresses": True}}, MERGE, id="pods that are not ready"),
    pytest.param(
        ChildKind.SERVICE, {"metadata": {"labels": {"penstock.dev/model-deployment": None}}}, MERGE, id="label"
    ),
    pytest.param(ChildKind.SERVICE, {"metadata": {"ownerReferences": None}}, MERGE, id="owner"),
    pytest.param(
        ChildKind.RECORD, {"metadata": {"labels": {"penstock.dev/model-deployment": None}}}, MERGE, id="record"
    ),
    pytest.param(ChildKind.BUDGET, {"spec": {"minAvailable": 2, "maxUnavailable": None}}, MERGE, id="budget"),
    pytest.param(
        ChildKind.DEPLOYMENT,
        {"spec": {"template": {"spec": {"containers": [{"name": "predictor", "env": [ENVIRONMENT]}]}}}},
        STRATEGIC,
        id="a value of the environment",
    ),
    pytest.param(
        ChildKind.DEPLOYMENT,
        {
            "spec": {
                "template": {
                    "spec": {"containers": [{"name": "predictor", "env": [{"name": "PENSTOCK_ROOT", "value": "x"}]}]}
                }
            }
        },
        STRATEGIC,
        id="one more in the environment",
    ),
    pytest.param(
        ChildKind.DEPLOYMENT,
        {
            "spec": {
                "template": {
                    "spec": {
                        "containers": [{"name": "predictor", "env": [{"name": "PENSTOCK_WORKERS", "$patch": "delete"}]}]
                    }
                }
            }
        },
        STRATEGIC,
        id="one less in the environment",
    ),
    pytest.param(
        ChildKind.DEPLOYMENT,
        {"spec": {"template": {"spec": {"containers": [{"name": "predictor", "image": "nginx"}]}}}},
        STRATEGIC,
        id="image",
    ),
    pytest.param(
        ChildKind.DEPLOYMENT,
        {"spec": {"template": {"spec": {"containers": [{"name": "other", "image": "nginx"}]}}}},
        STRATEGIC,
        id="one more container",
    ),
    pytest.param(
        ChildKind.DEPLOYMENT,
        {"spec": {"template": {"spec": {"nodeSelector": {"no": "such"}}}}},
        MERGE,
        id="a node selector",
    ),
    pytest.param(
        ChildKind.DEPLOYMENT,
        {"spec": {"template": {"metadata": {"labels": {"tier": "gold"}}}}},
        MERGE,
        id="one more label of pods",
    ),
    pytest.param(ChildKind.DEPLOYMENT, {"spec": {"paused": True}}, MERGE, id="paused"),
    pytest.param(
        ChildKind.DEPLOYMENT,
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
        STRATEGIC,
        id="recreate",
    ),
    pytest.param(
        ChildKind.DEPLOYMENT,
        {
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {
                                "name": "predictor",
                                "resources": {"limits": {"memory": "8Mi"}, "requests": {"memory": "8Mi"}},
                            }
                        ]
                    }
                }
            }
        },
        STRATEGIC,
        id="resources",
    ),
]


@pytest.mark.parametrize(("kind", "patch", "content"), EDITS)
async def test_what_somebody_edits_is_seen_with_who_did_it_and_put_back(
    api: ApiClient,
    workloads: KubernetesWorkloads,
    objects: ChildObjects,
    resource: ModelDeployment,
    made: CreateWorkload,
    *,
    kind: ChildKind,
    patch: Any,
    content: str,
) -> None:
    before = await objects.find(KINDS[kind], resource.key.namespace, name_of(resource, made))
    await edit(api, KINDS[kind], resource.key.namespace, name_of(resource, made), patch, content=content)
    (found,) = await restore_all(workloads, resource)
    assert found.kind is kind
    after = await objects.find(KINDS[kind], resource.key.namespace, name_of(resource, made))
    assert before
    assert after
    assert after.get("spec") == before.get("spec")
    assert after["metadata"]["labels"] == before["metadata"]["labels"]
    assert after["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]
    known = await versions(objects, resource, made)
    await restore_all(workloads, resource)
    assert await versions(objects, resource, made) == known


async def test_who_wrote_it_is_told(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment, made: CreateWorkload
) -> None:
    patch = {"spec": {"selector": {"penstock.dev/revision": "other"}}}
    await edit(api, SERVICES, resource.key.namespace, name_of(resource, made), patch, manager="argocd")
    (found,) = (await seen(workloads, resource)).differences
    assert (found.field, found.manager) == ("spec.selector", "argocd")


async def test_a_restart_of_the_pods_that_somebody_asks_for_is_no_edit(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment, made: CreateWorkload
) -> None:
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
    patch = {"spec": {"template": {"metadata": {"annotations": restarted}}}}
    await edit(api, DEPLOYMENTS, resource.key.namespace, name_of(resource, made), patch)
    assert (await seen(workloads, resource)).differences == ()


async def test_the_number_of_pods_is_nobodys_edit(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment, made: CreateWorkload
) -> None:
    """An autoscaler's, or ours by another action."""
    await edit(api, DEPLOYMENTS, resource.key.namespace, name_of(resource, made), {"spec": {"replicas": 4}})
    assert (await seen(workloads, resource)).differences == ()
    environment = {"spec": {"template": {"spec": {"nodeSelector": {"no": "such"}}}}}
    await edit(api, DEPLOYMENTS, resource.key.namespace, name_of(resource, made), environment)
    await restore_all(workloads, resource)
    assert (await seen(workloads, resource)).replicas == 4


async def test_a_revision_of_an_earlier_spec_is_made_again_from_its_record(
    workloads: KubernetesWorkloads, objects: ChildObjects, resource: ModelDeployment, made: CreateWorkload
) -> None:
    """spec.predictor has been edited since, and nobody is asked."""
    namespace, name = resource.key.namespace, name_of(resource, made)
    before = await objects.find(DEPLOYMENTS, namespace, name)
    assert before
    await objects.delete(DEPLOYMENTS, before)
    edited = replace(resource, spec=spec(predictor={"timeout": "3s"}))
    await workloads.execute(edited, made)
    after = await objects.find(DEPLOYMENTS, namespace, name)
    assert after
    assert after["spec"]["template"] == before["spec"]["template"]


@pytest.mark.parametrize("edited", [False, True], ids=["the spec is as it was", "the spec was edited since"])
async def test_a_record_that_is_deleted_is_made_again(
    workloads: KubernetesWorkloads,
    objects: ChildObjects,
    resource: ModelDeployment,
    made: CreateWorkload,
    *,
    edited: bool,
) -> None:
    """By the spec, or, where that says something else today, by what runs."""
    namespace, name = resource.key.namespace, name_of(resource, made)
    before = await objects.find(DEPLOYMENTS, namespace, name)
    stored = await objects.find(RECORDS, namespace, name)
    assert before
    assert stored
    await objects.delete(RECORDS, stored)
    today = replace(resource, spec=spec(predictor={"timeout": "3s"})) if edited else resource
    assert [each.kind for each in await restore_all(workloads, today)] == [ChildKind.RECORD]
    await objects.delete(DEPLOYMENTS, before)
    await workloads.execute(today, made)
    after = await objects.find(DEPLOYMENTS, namespace, name)
    assert after
    assert after["spec"]["template"]["spec"] == before["spec"]["template"]["spec"]


async def test_without_record_and_deployment_a_revision_of_an_earlier_spec_cannot_be_made(
    workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    wish = CreateWorkload(revision="0123456789", version="1", digest=DIGEST, replicas=2)
    with pytest.raises(Rejected, match="0123456789 cannot be made again"):
        await workloads.execute(resource, wish)
    assert (await workloads.observe(resource)).workloads == ()


async def orphaned(api: ApiClient, key: ResourceKey) -> ModelDeployment:
    """The resource is deleted without its children, and made again."""
    custom = CustomObjectsApi(api)
    before = await read(api, key)
    await custom.delete_namespaced_custom_object(
        GROUP, VERSION, key.namespace, PLURAL, key.name, propagation_policy="Orphan"
    )
    async with asyncio.timeout(30):
        while await _is_there(custom, key):  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.1)
    await create_model_deployment(api, key.namespace)
    after = await read(api, key)
    assert after.raw["metadata"]["uid"] != before.raw["metadata"]["uid"]
    return after


async def _is_there(custom: CustomObjectsApi, key: ResourceKey) -> bool:
    try:
        await custom.get_namespaced_custom_object(GROUP, VERSION, key.namespace, PLURAL, key.name)
    except ApiException as error:
        return bool(error.status != 404)
    return True


async def owned(objects: ChildObjects, kinds: list[Kinds], resource: ModelDeployment, wish: CreateWorkload) -> bool:
    found = [await objects.find(kind, resource.key.namespace, name_of(resource, wish)) for kind in kinds]
    uids = [[each["uid"] for each in (item or {})["metadata"].get("ownerReferences", [])] for item in found]
    return uids == [[resource.raw["metadata"]["uid"]]] * len(kinds)


async def test_children_that_outlived_their_resource_are_owned_by_the_next_of_its_name(
    api: ApiClient, workloads: KubernetesWorkloads, objects: ChildObjects, key: ResourceKey, made: CreateWorkload
) -> None:
    again = await orphaned(api, key)
    workload = await seen(workloads, again)
    assert {each.kind for each in workload.differences} == set(ChildKind)
    assert workload.autoscaler is not None
    assert not workload.autoscaler.declared
    await restore_all(workloads, again)
    await KubernetesAutoscalers(api).execute(again, SetAutoscaler(revision=made.revision, bounds=BOUNDS))
    assert await owned(objects, [*KINDS.values(), AUTOSCALERS], again, made)
    workload = await seen(workloads, again)
    assert workload.autoscaler is not None
    assert workload.autoscaler.declared


async def test_children_from_a_backup_without_owner_and_without_managers_are_owned_anew(
    api: ApiClient,
    workloads: KubernetesWorkloads,
    objects: ChildObjects,
    resource: ModelDeployment,
    made: CreateWorkload,
) -> None:
    for kind in KINDS.values():
        bare: dict[str, Any] = {"metadata": {"ownerReferences": None, "managedFields": [{}]}}
        await edit(api, kind, resource.key.namespace, name_of(resource, made), bare)
    await restore_all(workloads, resource)
    assert await owned(objects, list(KINDS.values()), resource, made)


def foreign_deployment(name: str, labels: dict[str, str]) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": "localhost/none"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod},
        },
    }


@pytest.mark.parametrize("both", [False, True], ids=["the model label alone", "both labels"])
@pytest.mark.parametrize("name", ["foreign", "{model}-copy", "{model}-0123456789"])
async def test_a_deployment_that_only_looks_like_ours_is_named_and_left_alone(
    api: ApiClient,
    workloads: KubernetesWorkloads,
    resource: ModelDeployment,
    made: CreateWorkload,
    name: str,
    *,
    both: bool,
) -> None:
    model, namespace = resource.key.name, resource.key.namespace
    labels = {"penstock.dev/model-deployment": model} | ({"penstock.dev/revision": "0123456789"} if both else {})
    named = name.format(model=model)
    await AppsV1Api(api).create_namespaced_deployment(namespace, foreign_deployment(named, labels))
    children = await workloads.observe(resource)
    assert [workload.revision for workload in children.workloads] == [made.revision]
    assert children.remains == {made.revision}
    (told,) = children.foreign
    assert f"Deployment {named}" in told
    await workloads.execute(resource, DeleteWorkload(revision="0123456789"))
    assert await AppsV1Api(api).read_namespaced_deployment(named, namespace)


async def test_a_copy_of_our_own_deployment_under_another_name_is_left_alone(
    api: ApiClient,
    workloads: KubernetesWorkloads,
    objects: ChildObjects,
    resource: ModelDeployment,
    made: CreateWorkload,
) -> None:
    """With our labels, our annotations and our owner, as `kubectl get -o yaml` gives them."""
    ours = await objects.find(DEPLOYMENTS, resource.key.namespace, name_of(resource, made))
    assert ours
    kept = {key: ours["metadata"][key] for key in ("labels", "annotations", "ownerReferences", "namespace")}
    copy = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": kept | {"name": "copy"}, "spec": ours["spec"]}
    await objects.create(DEPLOYMENTS, copy)
    children = await workloads.observe(resource)
    assert [workload.revision for workload in children.workloads] == [made.revision]
    assert "Deployment copy" in children.foreign[0]


@pytest.mark.parametrize("kind", [SERVICES, DEPLOYMENTS], ids=lambda kind: kind.kind)
async def test_a_name_that_is_taken_by_somebody_else_is_refused_and_theirs_stays_as_it_is(
    workloads: KubernetesWorkloads, objects: ChildObjects, resource: ModelDeployment, kind: Kinds
) -> None:
    wish = creation(resource)
    name, namespace = name_of(resource, wish), resource.key.namespace
    theirs = foreign_deployment(name, {})
    if kind is SERVICES:
        theirs = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 1}]}}
    theirs["metadata"]["namespace"] = namespace
    await objects.create(kind, theirs)
    before = await objects.find(kind, namespace, name)
    with pytest.raises(Rejected, match=f"{kind.kind} {name} is there already") as refusal:
        await workloads.execute(resource, wish)
    assert refusal.value.reason == "ForeignObject"
    after = await objects.find(kind, namespace, name)
    assert before
    assert after
    assert (after["spec"], after["metadata"].get("labels")) == (before["spec"], before["metadata"].get("labels"))


async def test_an_autoscaler_of_somebody_else_is_seen_on_the_revision_that_it_scales(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    wish = creation(resource)
    await workloads.execute(resource, wish)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name_of(resource, wish)}
    theirs = {"metadata": {"name": "theirs"}, "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3}}
    await AutoscalingV2Api(api).create_namespaced_horizontal_pod_autoscaler(resource.key.namespace, theirs)
    workload = await seen(workloads, resource)
    assert workload.other_autoscaler == "HorizontalPodAutoscaler theirs"
    assert workload.autoscaler is None
    await KubernetesAutoscalers(api).execute(resource, RemoveAutoscaler(revision=wish.revision))
    assert (await seen(workloads, resource)).other_autoscaler


async def test_an_object_that_is_being_deleted_and_not_gone_is_told(
    api: ApiClient,
    workloads: KubernetesWorkloads,
    objects: ChildObjects,
    resource: ModelDeployment,
    made: CreateWorkload,
) -> None:
    namespace, name = resource.key.namespace, name_of(resource, made)
    for kind in (SERVICES, DEPLOYMENTS):
        await edit(api, kind, namespace, name, {"metadata": {"finalizers": ["example.com/keep"]}})
        live = await objects.find(kind, namespace, name)
        assert live
        await objects.delete(kind, live)
    with pytest.raises(Rejected, match=r"is being deleted and not gone yet \(finalizers: example.com/keep\)") as told:
        await workloads.execute(resource, made)
    assert told.value.reason == "BeingDeleted"
    for kind in (SERVICES, DEPLOYMENTS):
        await edit(api, kind, namespace, name, {"metadata": {"finalizers": None}})
    await workloads.execute(resource, made)
    assert (await seen(workloads, resource)).differences == ()


async def in_force(api: ApiClient, namespace: str) -> None:
    """The API server's admission knows of a quota a moment after it is there: it has counted then."""
    async with asyncio.timeout(20):
        while not (await CoreV1Api(api).read_namespaced_resource_quota("none", namespace)).status.hard:  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.05)


async def test_a_quota_is_told_in_the_api_servers_words(
    api: ApiClient, workloads: KubernetesWorkloads, key: ResourceKey, resource: ModelDeployment
) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"services": "0"}}}
    await CoreV1Api(api).create_namespaced_resource_quota(key.namespace, quota)
    await in_force(api, key.namespace)
    with pytest.raises(Rejected, match="create Service") as refusal:
        await workloads.execute(resource, creation(resource))
    assert "exceeded quota" in str(refusal.value) or "status unknown for quota" in str(refusal.value)
    assert refusal.value.reason == "Refused"


async def test_a_record_that_is_refused_keeps_no_version_from_serving(
    api: ApiClient, workloads: KubernetesWorkloads, key: ResourceKey, resource: ModelDeployment
) -> None:
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"count/controllerrevisions.apps": "0"}}}
    await CoreV1Api(api).create_namespaced_resource_quota(key.namespace, quota)
    await in_force(api, key.namespace)
    with pytest.raises(Rejected, match="create ControllerRevision"):
        await workloads.execute(resource, creation(resource))
    assert (await seen(workloads, resource)).replicas == 2
