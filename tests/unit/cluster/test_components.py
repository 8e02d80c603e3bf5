import json
from pathlib import Path

from testcluster import components
from testcluster.addresses import Addresses
from testcluster.certificates import server_names
from testcluster.components import ClusterLayout


def _at(index: int) -> ClusterLayout:
    return ClusterLayout(Path("/state"), Path("/programs"), Path("/registry"), Addresses(index))


def test_two_clusters_give_their_pods_different_cgroups() -> None:
    roots = [json.loads(components.files(_at(index))["kubelet.yaml"])["cgroupRoot"] for index in (0, 7)]
    assert roots == ["/pstk0", "/pstk7"]


def test_the_audit_policy_writes_down_writes_and_what_workloads_ask_and_nothing_else() -> None:
    policy = json.loads(components.files(_at(0))["audit-policy.yaml"])
    writes, kubernetes, workloads, rest = policy["rules"]
    assert writes["level"] == workloads["level"] == "Metadata"
    assert set(writes["verbs"]) == {"create", "update", "patch", "delete", "deletecollection"}
    assert kubernetes == {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]}
    assert workloads["userGroups"] == ["system:serviceaccounts"]
    assert rest == {"level": "None"}


def test_the_api_server_names_the_nodes_address_in_its_certificate() -> None:
    assert f"IP:{Addresses(5).node}" in server_names(Addresses(5).node).split(",")
    assert "IP:198.19.0.1" in server_names(Addresses(5).node).split(",")


def test_every_component_has_an_identity_of_its_own() -> None:
    commands = components.commands(_at(0))
    used = [word for command in commands.values() for word in command if word.startswith("--kubeconfig=")]
    assert len(used) == len(set(used)) == 7


def test_files_are_kept_below_the_state_folder_or_in_the_sandboxs_own_run() -> None:
    assert 'root = "/state/containerd"' in components.files(_at(0))["containerd.toml"]
    network = json.loads(components.files(_at(0))["cni/10-bridge.conflist"])
    assert network["plugins"][0]["ipam"]["dataDir"] == "/state/cni-addresses"


def test_the_api_server_is_told_where_metrics_server_listens() -> None:
    endpoints = json.loads(components.files(_at(3))["metrics-server.json"])
    command = components.commands(_at(3))["metrics-server"]
    (port,) = endpoints["ports"]
    assert endpoints["endpoints"][0]["addresses"] == [Addresses(3).node]
    assert f"--bind-address={Addresses(3).node}" in command
    assert f"--secure-port={port['port']}" in command
