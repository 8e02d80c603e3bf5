"""Envoy's files taken back into our words: what an agent knows after its own restart, with the API server away."""

import json
from collections.abc import Mapping
from typing import Any

from penstock_contracts.traffic import TrafficSplit
from penstock_gateway.configuration import Clusters
from penstock_gateway.render import METADATA
from penstock_gateway.splits import LiveSplit
from penstock_gateway.world import Backing, Endpoint, Key


def read_clusters(text: str) -> Clusters:
    """Return what `render_clusters` was given."""
    return {
        _backing(cluster["name"]): tuple(
            _endpoint(one) for locality in cluster["load_assignment"]["endpoints"] for one in locality["lb_endpoints"]
        )
        for cluster in json.loads(text)["resources"]
    }


def read_live(text: str) -> Mapping[Key, LiveSplit]:
    """Return what `render_routes` was given."""
    live: dict[Key, LiveSplit] = {}
    for routes in json.loads(text)["resources"]:
        for host in routes["virtual_hosts"]:
            if "metadata" in host:
                origin = host["metadata"]["filter_metadata"][METADATA]
                live[Key(origin["namespace"], origin["name"])] = _live(origin)
    return live


def _live(origin: Mapping[str, Any]) -> LiveSplit:
    split = origin["split"]
    return LiveSplit(uid=origin["uid"], split=TrafficSplit.model_validate(split) if split else None)


def _backing(name: str) -> Backing:
    namespace, model_deployment, revision = name.split("/")
    return Backing(Key(namespace, model_deployment), revision)


def _endpoint(one: Mapping[str, Any]) -> Endpoint:
    address = one["endpoint"]["address"]["socket_address"]
    return Endpoint(address["address"], address["port_value"], ready=one["health_status"] == "HEALTHY")
