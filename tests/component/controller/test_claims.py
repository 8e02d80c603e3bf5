"""Claims on namespaces through a real API server: the first release has them, and they go with it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.aio.client import ApiClient, CoordinationV1Api, CoreV1Api, RbacAuthorizationV1Api

from penstock_controller.adapters.kubernetes.claims import LEASE, KubernetesClaims
from penstock_controller.errors import Rejected
from penstock_controller.ports import ResourceKey

BINDING = "penstock-controller"


def claims(api: ApiClient, release: str, namespace: str, *, binding: str = "") -> KubernetesClaims:
    return KubernetesClaims(api, lambda: datetime.now(UTC), release=release, binding=binding, only_namespace=namespace)


async def lease(api: ApiClient, namespace: str) -> Any:
    return await CoordinationV1Api(api).read_namespaced_lease(LEASE, namespace)


async def test_who_comes_first_holds_the_namespace_and_writes_once(api: ApiClient, key: ResourceKey) -> None:
    first, second = claims(api, "a/penstock", key.namespace), claims(api, "b/penstock", key.namespace)
    assert [await one.holder(key.namespace) for one in (first, second, first)] == ["a/penstock"] * 3
    made = await lease(api, key.namespace)
    assert [entry.manager for entry in made.metadata.managed_fields] == ["penstock-controller"]
    assert made.metadata.labels["app.kubernetes.io/managed-by"] == "penstock-controller"
    await first.holder(key.namespace)
    assert (await lease(api, key.namespace)).metadata.resource_version == made.metadata.resource_version


async def test_of_two_at_the_same_moment_one_holds_it(api: ApiClient, key: ResourceKey) -> None:
    both = [claims(api, f"{name}/penstock", key.namespace) for name in "ab"]
    answers = set(await asyncio.gather(*(one.holder(key.namespace) for one in both)))
    assert len(answers) == 1
    assert answers <= {"a/penstock", "b/penstock"}


async def test_when_the_lease_is_gone_another_release_takes_it(api: ApiClient, key: ResourceKey) -> None:
    first, second = claims(api, "a/penstock", key.namespace), claims(api, "b/penstock", key.namespace)
    await first.holder(key.namespace)
    await CoordinationV1Api(api).delete_namespaced_lease(LEASE, key.namespace)
    assert await second.holder(key.namespace) == "b/penstock"
    assert await first.holder(key.namespace) == "b/penstock"


async def test_the_lease_is_owned_by_the_binding_by_which_the_release_may_act(api: ApiClient, key: ResourceKey) -> None:
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    body = {"metadata": {"name": BINDING}, "roleRef": role}
    binding = await RbacAuthorizationV1Api(api).create_namespaced_role_binding(key.namespace, body)
    await claims(api, "a/penstock", key.namespace, binding=BINDING).holder(key.namespace)
    (owner,) = (await lease(api, key.namespace)).metadata.owner_references
    assert (owner.kind, owner.name, owner.uid) == ("RoleBinding", BINDING, binding.metadata.uid)


async def test_the_lease_of_a_release_for_all_namespaces_is_owned_by_its_cluster_role_binding(
    api: ApiClient, key: ResourceKey
) -> None:
    name = f"{key.namespace}-controller"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    rbac = RbacAuthorizationV1Api(api)
    binding = await rbac.create_cluster_role_binding({"metadata": {"name": name}, "roleRef": role})
    await claims(api, "a/penstock", "", binding=name).holder(key.namespace)
    (owner,) = (await lease(api, key.namespace)).metadata.owner_references
    assert (owner.kind, owner.uid) == ("ClusterRoleBinding", binding.metadata.uid)
    await rbac.delete_cluster_role_binding(name)


async def test_what_is_told_is_one_event_on_the_lease(api: ApiClient, key: ResourceKey) -> None:
    second = claims(api, "b/penstock", key.namespace)
    for _ in range(2):
        await second.tell(key.namespace, "a/penstock")
    found = (await CoreV1Api(api).list_namespaced_event(key.namespace)).items
    (event,) = [item for item in found if item.reason == "ServedByAnotherRelease"]
    assert event.involved_object.kind == "Lease"
    assert "release a/penstock acts in this namespace" in event.message


async def test_a_namespace_that_is_gone_is_nobody_elses(api: ApiClient) -> None:
    assert await claims(api, "a/penstock", "").holder("no-such-namespace") == "a/penstock"


async def test_a_binding_that_is_not_there_is_named(api: ApiClient, key: ResourceKey) -> None:
    with pytest.raises(Rejected, match="claim namespace"):
        await claims(api, "a/penstock", key.namespace, binding="no-such-binding").holder(key.namespace)
