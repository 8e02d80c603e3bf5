"""Envoy's files taken back into our words: what an agent knows after its own restart, with the API server away."""

import json
from collections.abc import Mapping
from typing import Any

from penstock_contracts.traffic import TrafficSplit
from penstock_gateway.api_server.snapshot import Endpoint, ModelKey, RevisionRef
from penstock_gateway.envoy.resource_file import METADATA
from penstock_gateway.splits.configuration import ClusterName, Clusters, CompositeCluster, Pool, Role
from penstock_gateway.splits.splits import LiveSplit


def read_clusters(text: str) -> Clusters:
    """Return what `render_clusters` was given."""
    return {_name(cluster["name"]): _cluster(cluster) for cluster in json.loads(text)["resources"]}


def read_live(text: str) -> Mapping[ModelKey, LiveSplit]:
    """Return what `render_routes` was given."""
    live: dict[ModelKey, LiveSplit] = {}
    for routes in json.loads(text)["resources"]:
        for host in routes["virtual_hosts"]:
            if "metadata" in host:
                origin = _ours(host)
                live[ModelKey(origin["namespace"], origin["name"])] = _live(origin)
    return live


def _ours(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    ours: Mapping[str, Any] = resource["metadata"]["filter_metadata"][METADATA]
    return ours


def _live(origin: Mapping[str, Any]) -> LiveSplit:
    split = origin["split"]
    return LiveSplit(uid=origin["uid"], split=TrafficSplit.model_validate(split) if split else None)


def _name(name: str) -> ClusterName:
    namespace, model_deployment, revision, *role = name.split("/")
    return ClusterName(
        RevisionRef(ModelKey(namespace, model_deployment), revision), Role(role[0]) if role else Role.USERS
    )


def _cluster(cluster: Mapping[str, Any]) -> Pool | CompositeCluster:
    ours = _ours(cluster)
    if "later" in ours:
        return CompositeCluster(
            later=tuple(_name(one) for one in ours["later"]),
            rescues=ours["rescues"],
            shadow=_name(ours["shadow"]) if ours["shadow"] else None,
            percentage=ours["percentage"],
        )
    servers = [one for locality in cluster["load_assignment"]["endpoints"] for one in locality["lb_endpoints"]]
    # What stands in where there is no server has no health.
    endpoints = tuple(_endpoint(server) for server in servers if "health_status" in server)
    return Pool(
        endpoints=endpoints,
        refuses=bool(servers) and not endpoints,
        attempt=ours["attempt"],
        timed=ours.get("timed", False),
        by_pod=ours.get("by_pod", False),
    )


def _endpoint(server: Mapping[str, Any]) -> Endpoint:
    address = server["endpoint"]["address"]["socket_address"]
    return Endpoint(address["address"], address["port_value"], ready=server["health_status"] == "HEALTHY")
