"""A registry's password, through a rollout and through failures: nobody reads it who may not read the Secret."""

import base64

from penstock_testing import faults, readable
from penstock_testing.cluster import KubernetesCluster
from penstock_testing.locked_mlflow import CONNECTION, DEPLOYMENT, NAMESPACE_OF_MLFLOW
from penstock_testing.mlflow_server import ADMIN, PASSWORD
from penstock_testing.platform import NAMESPACE, RELEASE
from penstock_testing.scenes import RolloutScene


def found(cluster: KubernetesCluster, users: str) -> tuple[list[str], list[str]]:
    """Where the password stands, as it is or as HTTP sends it, and where it was looked for."""
    as_sent = base64.b64encode(f"{ADMIN}:{PASSWORD}".encode()).decode()
    in_secret = base64.b64encode(PASSWORD.encode()).decode()
    read = list(readable.texts(cluster, NAMESPACE, NAMESPACE_OF_MLFLOW, users))
    told = [where for where, text in read if any(word in text for word in (PASSWORD, as_sent, in_secret))]
    return told, [where for where, _ in read]


def test_a_registrys_password_stands_in_no_log_object_event_or_argument(scene: RolloutScene) -> None:
    cluster = scene.platform.cluster
    first, second = scene.register(1.0), scene.register(2.0)
    scene.move(first)
    registry = {"connection": CONNECTION, "model": scene.model, "alias": "champion"}
    deployed = scene.serve(registry=registry, predictor={"minReplicas": 1})
    with faults.scaled_to_zero(cluster, *DEPLOYMENT):
        deployed.wait_until(
            "the registry is away", lambda _: deployed.condition("RegistryReachable")["status"] == "False"
        )
    scene.move(second)
    deployed.wait_for_version(second)
    deployed.wait_settled()
    deployed.edit(registry=registry | {"connection": "unknown"})
    deployed.wait_until("it says so", lambda _: deployed.condition("Stalled")["status"] == "True")
    told, read = found(cluster, scene.namespace)
    assert told == []
    logs = [where for where in read if where.startswith(f"log of {NAMESPACE}/")]
    for part in ("controller", "gateway", "model-store"):
        assert any(f"/{RELEASE}-{part}" in where for where in logs), f"no log of the {part} was read: {logs}"
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "told", "namespace": scene.namespace}}
    cluster.apply(probe | {"data": {"password": PASSWORD}})
    assert found(cluster, scene.namespace)[0] == ["configmaps"], "the search finds what is there"
