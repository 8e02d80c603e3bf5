"""Autoscalers and disruption budgets of revisions, made, seen and healed through a real API server."""

import asyncio
from dataclasses import replace

import pytest
from kubernetes.aio.client import ApiClient, ApiException, AppsV1Api, AutoscalingV2Api, CoreV1Api, PolicyV1Api

from penstock_controller.adapters.kubernetes.autoscalers import KubernetesAutoscalers
from penstock_controller.adapters.kubernetes.resources import KubernetesResources
from penstock_controller.adapters.kubernetes.workloads import KubernetesWorkloads
from penstock_controller.errors import Rejected
from penstock_controller.ports import ModelDeployment, ResourceKey
from penstock_controller.rollout.decision import (
    CreateWorkload,
    DeleteWorkload,
    RemoveAutoscaler,
    ReplacePod,
    RestoreChild,
    SetAutoscaler,
)
from penstock_controller.rollout.observation import Bounds, ChildKind, RevisionPod, Workload
from penstock_controller.workload.objects import revision_of
from penstock_controller.workload.placement import Placement

PLACEMENT = Placement(image="localhost/no-such-image:1", store_url="http://store:8080")
DIGEST = "sha256:" + "a" * 64
BOUNDS = Bounds(floor=2, ceiling=5, target=70)


@pytest.fixture
async def resource(api: ApiClient, key: ResourceKey) -> ModelDeployment:
    found = await KubernetesResources(api).read(key)
    assert found is not None
    return found


@pytest.fixture
async def workloads(api: ApiClient, resource: ModelDeployment) -> KubernetesWorkloads:
    """With the workload of one revision."""
    made = KubernetesWorkloads(api, PLACEMENT)
    await made.execute(resource, CreateWorkload(revision=revision(resource), version="1", digest=DIGEST, replicas=2))
    return made


def revision(resource: ModelDeployment) -> str:
    return revision_of(resource.key.name, resource.spec, DIGEST, PLACEMENT)


def name(resource: ModelDeployment) -> str:
    return f"{resource.key.name}-{revision(resource)}"


async def seen(workloads: KubernetesWorkloads, resource: ModelDeployment) -> Workload:
    (workload,) = (await workloads.observe(resource)).workloads
    return workload


async def test_an_autoscaler_is_made_bounded_anew_and_removed_and_each_may_be_repeated(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    assert (await seen(workloads, resource)).autoscaler is None
    for bounds in (BOUNDS, replace(BOUNDS, floor=4), Bounds(floor=1, ceiling=9, target=50)):
        for _ in range(2):
            await KubernetesAutoscalers(api).execute(
                resource, SetAutoscaler(revision=revision(resource), bounds=bounds)
            )
        found = (await seen(workloads, resource)).autoscaler
        assert found is not None
        assert found.bounds == bounds
    made = await AutoscalingV2Api(api).read_namespaced_horizontal_pod_autoscaler(name(resource), resource.key.namespace)
    assert made.metadata.owner_references[0].uid == resource.raw["metadata"]["uid"]
    assert (made.spec.scale_target_ref.kind, made.spec.scale_target_ref.name) == ("Deployment", name(resource))
    for _ in range(2):
        await KubernetesAutoscalers(api).execute(resource, RemoveAutoscaler(revision=revision(resource)))
    assert (await seen(workloads, resource)).autoscaler is None


async def test_kubernetes_brings_the_pods_up_to_the_floor_though_nothing_is_measured(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    await KubernetesAutoscalers(api).execute(
        resource, SetAutoscaler(revision=revision(resource), bounds=replace(BOUNDS, floor=4))
    )
    async with asyncio.timeout(30):
        while (await seen(workloads, resource)).replicas != 4:  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.2)


async def test_an_autoscaler_that_follows_something_else_is_not_taken_for_ours(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    await KubernetesAutoscalers(api).execute(resource, SetAutoscaler(revision=revision(resource), bounds=BOUNDS))
    target = {"type": "AverageValue", "averageValue": "1Gi"}
    memory = {"type": "Resource", "resource": {"name": "memory", "target": target}}
    await AutoscalingV2Api(api).patch_namespaced_horizontal_pod_autoscaler(
        name(resource),
        resource.key.namespace,
        {"spec": {"metrics": [memory]}},
        _content_type="application/merge-patch+json",
    )
    found = (await seen(workloads, resource)).autoscaler
    assert found is not None
    assert found.bounds != BOUNDS


async def test_a_budget_is_made_and_again_when_it_is_lost(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    policy = PolicyV1Api(api)
    await workloads.execute(resource, RestoreChild(revision=revision(resource), kind=ChildKind.BUDGET))
    made = await policy.read_namespaced_pod_disruption_budget(name(resource), resource.key.namespace)
    assert made.spec.max_unavailable == 1
    assert made.metadata.owner_references[0].uid == resource.raw["metadata"]["uid"]
    assert (await seen(workloads, resource)).differences == ()
    await policy.delete_namespaced_pod_disruption_budget(name(resource), resource.key.namespace)
    assert [each.kind for each in (await seen(workloads, resource)).differences] == [ChildKind.BUDGET]
    for _ in range(2):
        await workloads.execute(resource, RestoreChild(revision=revision(resource), kind=ChildKind.BUDGET))
    assert (await seen(workloads, resource)).differences == ()


async def test_a_workload_that_is_deleted_leaves_nothing_behind(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    await KubernetesAutoscalers(api).execute(resource, SetAutoscaler(revision=revision(resource), bounds=BOUNDS))
    for _ in range(2):
        await workloads.execute(resource, DeleteWorkload(revision=revision(resource)))
    namespace = resource.key.namespace
    calls = (
        AutoscalingV2Api(api).read_namespaced_horizontal_pod_autoscaler,
        PolicyV1Api(api).read_namespaced_pod_disruption_budget,
        AppsV1Api(api).read_namespaced_deployment,
        CoreV1Api(api).read_namespaced_service,
    )
    for call in calls:
        with pytest.raises(ApiException, match="404"):
            await call(name(resource), namespace)


async def test_the_pod_template_spreads_a_revision_over_nodes_and_zones(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    made = await AppsV1Api(api).read_namespaced_deployment(name(resource), resource.key.namespace)
    spread = made.spec.template.spec.topology_spread_constraints
    assert [each.topology_key for each in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    assert {each.when_unsatisfiable for each in spread} == {"ScheduleAnyway"}
    assert all(each.match_label_keys == ["penstock.dev/revision"] for each in spread)


async def pods(workloads: KubernetesWorkloads, resource: ModelDeployment, number: int) -> dict[str, RevisionPod]:
    """The pods that stay, by name, as soon as there are so many."""
    async with asyncio.timeout(30):
        while True:
            there = {pod.name: pod for pod in (await seen(workloads, resource)).pods if not pod.leaving}
            if len(there) == number:
                return there
            await asyncio.sleep(0.2)


async def test_exactly_the_pod_that_is_to_be_replaced_leaves_and_another_one_comes(
    workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    await workloads.execute(resource, RestoreChild(revision=revision(resource), kind=ChildKind.BUDGET))
    before = await pods(workloads, resource, 2)
    (sick, well) = before.values()
    action = ReplacePod(revision=revision(resource), pod=sick.name, uid=sick.uid)
    await workloads.execute(resource, action)
    async with asyncio.timeout(30):
        while sick.name in (after := await pods(workloads, resource, 2)):  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.2)
    assert well.name in after
    await workloads.execute(resource, action)


async def test_a_pod_of_the_same_name_and_another_life_is_left_alone(
    workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    before = await pods(workloads, resource, 2)
    other = ReplacePod(revision=revision(resource), pod=next(iter(before)), uid="another")
    await workloads.execute(resource, other)
    assert (await pods(workloads, resource, 2)).keys() == before.keys()


async def test_a_budget_that_is_spent_lets_no_pod_leave_and_the_refusal_names_it(
    api: ApiClient, workloads: KubernetesWorkloads, resource: ModelDeployment
) -> None:
    await workloads.execute(resource, RestoreChild(revision=revision(resource), kind=ChildKind.BUDGET))
    none = {"spec": {"maxUnavailable": 0, "unhealthyPodEvictionPolicy": "IfHealthyBudget"}}
    await PolicyV1Api(api).patch_namespaced_pod_disruption_budget(
        name(resource), resource.key.namespace, none, _content_type="application/merge-patch+json"
    )
    before = await pods(workloads, resource, 2)
    (pod, _) = before.values()
    # Its image is nowhere, so it waits for ever, and an eviction of a pod that waits asks no budget.
    await CoreV1Api(api).patch_namespaced_pod_status(
        pod.name,
        resource.key.namespace,
        {"status": {"phase": "Running"}},
        _content_type="application/merge-patch+json",
    )
    with pytest.raises(Rejected, match=f"evict pod {pod.name}: its PodDisruptionBudget lets no pod leave now"):
        await workloads.execute(resource, ReplacePod(revision=revision(resource), pod=pod.name, uid=pod.uid))
    assert (await pods(workloads, resource, 2)).keys() == before.keys()
