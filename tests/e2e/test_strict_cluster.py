"""What a strict cluster asks for, all at once: its own roles, registry, authority, node and user ids."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from penstock_testing.cluster import CommandError, KubernetesCluster, Object
from penstock_testing.doorkeeper import Doorkeeper, pull_secret
from penstock_testing.model_deployments import model_deployment
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE, Platform, image_values
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import BRIEF

pytestmark = pytest.mark.alone

USER_ID = 1_000_690_000
TAINT = "penstock.dev/reserved"
BUNDLE = "authorities-of-tests"


@pytest.fixture
def doors(platform: Platform) -> Iterator[Doorkeeper]:
    name = f"doors-{uuid4().hex[:6]}"
    # No level of Pod Security: it has a pod on the node's network.
    platform.cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield Doorkeeper(platform.cluster, name)
    platform.cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def guarded(platform: Platform, doors: Doorkeeper) -> str:
    """The host and port of the predictor's registry behind a password."""
    return doors.guard_by_password("images", platform.cluster.images["predictor"].partition("/")[0])


@pytest.fixture
def strict(platform: Platform, doors: Doorkeeper, guarded: str) -> Iterator[Platform]:
    """Knows the registry of models behind a private authority, and takes predictors from behind a password."""
    cluster, image = platform.cluster, platform.cluster.images["predictor"]
    values = platform.values()
    address, authority = doors.guard_by_tls("registry", f"mlflow.{MLFLOW_NAMESPACE}.svc.cluster.local:5000")
    path = image.partition("/")[2]
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": BUNDLE, "namespace": NAMESPACE},
            "data": {"ca.crt": authority},
        }
    )
    predictor = [f"{key}={value}" for key, value in image_values("predictor", f"{guarded}/{path}")]
    platform.change(f"registries.private.uri={address}", f"caBundle.configMap={BUNDLE}", *predictor)
    yield platform
    platform.restore(values)
    cluster.kubectl("delete", "configmap", BUNDLE, "-n", NAMESPACE)


@contextmanager
def tainted(cluster: KubernetesCluster) -> Iterator[None]:
    """No pod that does not put up with it is given to a node."""
    cluster.kubectl("taint", "nodes", "--all", f"{TAINT}=models:NoSchedule")
    try:
        yield
    finally:
        cluster.kubectl("taint", "nodes", "--all", f"{TAINT}-")


def bind(scene: RolloutScene, user: str, role: str) -> None:
    """As an administrator lets a person into a namespace."""
    scene.platform.cluster.kubectl(
        "create", "rolebinding", user, f"--clusterrole={role}", f"--user={user}", "-n", scene.namespace
    )


def resource(scene: RolloutScene) -> Object:
    template = {
        "spec": {
            "tolerations": [{"key": TAINT, "operator": "Exists"}],
            "imagePullSecrets": [{"name": "images"}],
            "securityContext": {"runAsUser": USER_ID, "runAsGroup": USER_ID},
        }
    }
    registry = {"connection": "private", "model": scene.model, "alias": "champion"}
    return model_deployment(
        "model", scene.namespace, scene.model, registry=registry, predictor=BRIEF | {"podTemplate": template}
    )


def test_an_editor_of_a_namespace_serves_a_model_by_all_that_the_cluster_asks_for(
    strict: Platform, doors: Doorkeeper, guarded: str, scene: RolloutScene
) -> None:
    cluster = strict.cluster
    version = scene.register(1.0)
    scene.move(version)
    cluster.apply(pull_secret("images", scene.namespace, guarded))
    bind(scene, "dana", "edit")
    bind(scene, "vera", "view")
    wish = json.dumps(resource(scene))
    with pytest.raises(CommandError, match="forbidden"):
        cluster.kubectl("apply", "--as=vera", "-f", "-", stdin=wish)
    with tainted(cluster):
        cluster.kubectl("apply", "--as=dana", "-f", "-", stdin=wish)
        deployed = scene.deployed()
        deployed.wait_ready()
        with scene.traffic(scene.expectation(version)) as run:
            time.sleep(3)
            result = run.result()
    result.assert_none_failed()
    assert result.by_version.keys() == {version}
    assert cluster.kubectl("get", "mdep", "model", "--as=vera", "-n", scene.namespace, "-o", "name").strip()
    pods = cluster.items("pods", scene.namespace, "penstock.dev/model-deployment=model")
    images = [container["image"] for pod in pods for container in pod["spec"]["containers"]]
    assert {image.partition("/")[0] for image in images} == {guarded}
    name = pods[0]["metadata"]["name"]
    told = cluster.kubectl("exec", name, "-n", scene.namespace, "--", "python3", "-c", "import os; print(os.getuid())")
    assert int(told) == USER_ID
    assert '" 401 ' in doors.log("images"), "who has no password is let in, too"
    assert deployed.condition("RegistryReachable")["status"] == "True"
