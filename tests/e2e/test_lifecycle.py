"""Install, upgrade, rest, delete, uninstall: with kubectl and helm, as a platform engineer."""

import time

import pytest

from penstock_testing.cluster import KubernetesCluster, Object
from penstock_testing.lanes import EndToEndRun
from penstock_testing.locked_mlflow import SECRET
from penstock_testing.platform import NAMESPACE, Platform, wait_for
from penstock_testing.scenes import RolloutScene

IDENTITIES = f"system:serviceaccount:{NAMESPACE}:"
QUIET = 8.0
"""Seconds in which a controller that started anew, or looks at the registry every second, would have written."""


def test_kubectl_wait_and_status_agree(scene: RolloutScene) -> None:
    version = scene.register(1.0)
    scene.registry.move(scene.model, version)
    deployed = scene.serve()
    status = deployed.status()
    resource = scene.platform.cluster.get("modeldeployment", "model", scene.namespace) or {}
    assert status["observedGeneration"] == resource["metadata"]["generation"]
    assert {item["type"]: item["status"] for item in status["conditions"]} == {
        "Ready": "True",
        "Reconciling": "False",
        "Stalled": "False",
        "RegistryReachable": "True",
        "ChildrenApplied": "True",
    }
    assert all(item["observedGeneration"] == status["observedGeneration"] for item in status["conditions"])
    assert status["stable"]["version"] == version
    events = scene.platform.cluster.items("events", scene.namespace)
    told = [event["reason"] for event in events if event["involvedObject"]["kind"] == "ModelDeployment"]
    assert sorted(told) == ["Promoted", "Promoting", "RolloutStarted"]
    assert "finalizers" not in resource["metadata"]


@pytest.mark.alone
def test_an_upgrade_without_a_change_writes_nothing(scene: RolloutScene) -> None:
    scene.registry.move(scene.model, scene.register(1.0))
    scene.serve().wait_settled()
    platform = scene.platform
    settings = platform.values()
    leaving = _terminating(platform.cluster)
    since = time.time()
    platform.restore(settings)
    time.sleep(QUIET)
    assert platform.values() == settings
    writes = [
        (event["verb"], event["requestURI"])
        for event in platform.cluster.writes_by(IDENTITIES, since)
        if event["objectRef"].get("namespace") not in leaving  # what earlier tests left may still be on its way out
    ]
    assert writes == []


def test_deleting_a_model_deployment_leaves_nothing_of_it(scene: RolloutScene) -> None:
    scene.registry.move(scene.model, scene.register(1.0))
    deployed = scene.serve()
    deployed.delete()
    wait_for("children gone", lambda: not _children(scene.platform.cluster, scene.namespace) or None, seconds=60)


@pytest.mark.alone
def test_deleting_ends_with_the_controller_gone(scene: RolloutScene) -> None:
    scene.registry.move(scene.model, scene.register(1.0))
    deployed = scene.serve()
    cluster = scene.platform.cluster
    cluster.kubectl("scale", "deployment/penstock-controller", "-n", NAMESPACE, "--replicas=0")
    try:
        wait_for("controller gone", lambda: not scene.platform.pods("controller") or None, seconds=60)
        deployed.delete()
        wait_for("children gone", lambda: not _children(cluster, scene.namespace) or None, seconds=60)
    finally:
        cluster.kubectl("scale", "deployment/penstock-controller", "-n", NAMESPACE, "--replicas=1")
        cluster.kubectl("rollout", "status", "deployment/penstock-controller", "-n", NAMESPACE, "--timeout=120s")


@pytest.mark.alone
def test_uninstall_leaves_nothing_but_the_crd_and_what_users_made(platform: Platform) -> None:
    cluster = platform.cluster
    values, began = platform.values(), time.time()
    platform.uninstall()
    try:
        wait_for("nothing left", lambda: not _left(cluster) or None, seconds=90)
        assert cluster.get("crd", "modeldeployments.penstock.dev") is not None
    finally:
        platform.restore(values)
        EndToEndRun.from_environment().release_was_away(began, time.time())


def _terminating(cluster: KubernetesCluster) -> list[str]:
    return [
        item["metadata"]["name"] for item in cluster.items("namespaces") if item["status"]["phase"] == "Terminating"
    ]


def _children(cluster: KubernetesCluster, namespace: str) -> list[Object]:
    kinds = "deployments,replicasets,pods,services,endpointslices,controllerrevisions,poddisruptionbudgets"
    return cluster.items(kinds, namespace, "penstock.dev/model-deployment=model")


def _left(cluster: KubernetesCluster) -> list[str]:
    namespaced = "deployments,statefulsets,replicasets,pods,services,configmaps,serviceaccounts,persistentvolumeclaims"
    everywhere = "clusterroles,clusterrolebindings"
    found = cluster.items(f"{namespaced},roles,rolebindings,poddisruptionbudgets,secrets", NAMESPACE)
    found += cluster.items(everywhere, "", "app.kubernetes.io/name=penstock")
    own = {"kube-root-ca.crt", "default", SECRET}
    return [f"{item['kind']} {item['metadata']['name']}" for item in found if item["metadata"]["name"] not in own]
