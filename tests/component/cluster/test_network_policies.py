"""NetworkPolicies hold between the cluster's pods, and nothing of them is there while there is none."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from .conftest import NOTHING, Cluster, Remains, until

pytestmark = pytest.mark.timeout(600)
PORT = 8000
ENFORCED = re.compile("KUBE-ROUTER-|KUBE-NWPLCY-|KUBE-POD-FW-")
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)"
ONLY_FRIENDS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {"name": "only-friends"},
    "spec": {
        "podSelector": {"matchLabels": {"role": "server"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"role": "friend"}}}]}],
    },
}


def _pod(role: str) -> dict[str, object]:
    container = {"name": "pause", "image": "localhost/pause:1", "imagePullPolicy": "Never"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": role, "labels": {"role": role}},
        "spec": {"containers": [container]},
    }


class Pods:
    """Pods that do nothing; programs of this machine run in their network namespaces."""

    def __init__(self, cluster: Cluster, *roles: str) -> None:
        self._cluster = cluster
        cluster.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
        pods = {"apiVersion": "v1", "kind": "List", "items": [_pod(role) for role in roles]}
        cluster.kubectl("apply", "-f", "-", given=json.dumps(pods))
        cluster.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        found = json.loads(cluster.kubectl("get", "pods", "-o", "json"))["items"]
        self._pods = {pod["metadata"]["name"]: pod for pod in found}
        tasks = cluster.run("exec", "--", "ctr", "-n", "k8s.io", "tasks", "ls").stdout.splitlines()[1:]
        self._pids = {line.split()[0]: line.split()[1] for line in tasks}

    def address(self, role: str) -> str:
        return str(self._pods[role]["status"]["podIP"])

    def inside(self, role: str, *command: str) -> list[str]:
        """The arguments of `cluster exec` that run a command there."""
        (status,) = self._pods[role]["status"]["containerStatuses"]
        pid = self._pids[status["containerID"].removeprefix("containerd://")]
        return ["--", "nsenter", "-t", pid, "--net", "--", *command]

    def reaches(self, role: str) -> bool:
        """Whether that pod gets a connection to the server's port."""
        connect = self.inside(role, sys.executable, "-c", CONNECT, self.address("server"), str(PORT))
        return self._cluster.run("exec", *connect).returncode == 0


@pytest.fixture
def pods(cluster: Cluster) -> Iterator[Pods]:
    cluster.up()
    found = Pods(cluster, "server", "friend", "stranger")
    serve = found.inside("server", sys.executable, "-m", "http.server", str(PORT))
    serving = subprocess.Popen([*cluster.command("exec"), *serve], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until("the server listens", lambda: found.reaches("friend"))
    yield found
    cluster.run("down")
    serving.wait(timeout=60)


def _rules(cluster: Cluster) -> list[str]:
    said = [cluster.run("exec", "--", command).stdout for command in ("iptables-save", "ip6tables-save")]
    sets = cluster.run("exec", "--", "ipset", "list", "-n").stdout.split()
    return [line for text in said for line in text.splitlines() if ENFORCED.search(line)] + sets


def test_a_policy_keeps_out_whom_it_does_not_name_and_leaves_no_rule_when_it_goes(cluster: Cluster, pods: Pods) -> None:
    assert pods.reaches("stranger")
    assert _rules(cluster) == []

    cluster.kubectl("apply", "-f", "-", given=json.dumps(ONLY_FRIENDS))
    until("the stranger is kept out", lambda: not pods.reaches("stranger"))
    assert pods.reaches("friend")
    assert _rules(cluster)

    cluster.kubectl("delete", "networkpolicy/only-friends")
    until("the stranger is let in again", lambda: pods.reaches("stranger"))
    until("no rule is left", lambda: _rules(cluster) == [])
    cluster.kubectl("apply", "-f", "-", given=json.dumps(ONLY_FRIENDS))
    until("the stranger is kept out again", lambda: not pods.reaches("stranger"))
    link = cluster.link()
    assert cluster.run("down").returncode == 0
    assert Remains.of(cluster, link) == NOTHING
