"""What stands between the parts' pods and others, as they run."""

import json
from pathlib import Path

import pytest
import yaml

from penstock_testing.chart import Chart
from penstock_testing.cluster import CommandError
from penstock_testing.platform import NAMESPACE, RESTRICTED, Platform

ADMIN_PORT = 9901
COMPONENTS = {"controller", "gateway", "model-store"}
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
        assert "applied" in json.loads(platform.cluster.kubectl("get", "--raw", f"{base}:8082/proxy/v1/applied"))
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


def test_the_charts_network_policies_are_taken_by_the_api_server(platform: Platform) -> None:
    """This cluster's network plugin enforces none: decision 16."""
    chart = Chart(helm=Path(platform.cluster.helm_path))
    policies = chart.render("networkPolicies.enabled=true", "networkPolicies.metricsFrom[0]=monitoring").of(
        "NetworkPolicy"
    )
    said = platform.cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=yaml.safe_dump_all(policies))
    assert said.count("created (server dry run)") == len(policies) == 3
