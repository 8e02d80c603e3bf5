"""What stands between the parts' pods and others, as they run."""

import json

import pytest

from penstock_testing.cluster import CommandError
from penstock_testing.platform import NAMESPACE, RESTRICTED, Platform

ADMIN_PORT = 9901
COMPONENTS = {"controller", "gateway", "model-store", "drift-monitor"}
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - where one is mounted


def test_all_parts_run_in_a_namespace_that_enforces_pod_security_restricted(platform: Platform) -> None:
    labels = (platform.cluster.get("namespace", NAMESPACE) or {})["metadata"]["labels"]
    assert labels.items() >= RESTRICTED.items()
    for component in COMPONENTS:
        assert platform.pods(component)
        platform.wait_component(component)


def test_envoys_admin_answers_nobody_outside_of_its_pod(platform: Platform) -> None:
    pods = [pod["metadata"]["name"] for pod in platform.pods("gateway")]
    for pod in pods:
        base = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}"
        assert "applied" in json.loads(
            platform.cluster.kubectl("get", "--raw", f"{base}:8082/proxy/v1/applied/any/model")
        )
        with pytest.raises(CommandError, match="refused"):
            platform.cluster.kubectl("get", "--raw", f"{base}:{ADMIN_PORT}/proxy/ready")


def test_containers_that_ask_no_api_server_have_no_token(platform: Platform) -> None:
    having = {
        f"{component}/{container['name']}"
        for component in COMPONENTS
        for pod in platform.pods(component)
        for container in pod["spec"]["containers"]
        if any(mount["mountPath"] == TOKEN for mount in container["volumeMounts"])
    }
    assert having == {"controller/controller", "gateway/agent"}
