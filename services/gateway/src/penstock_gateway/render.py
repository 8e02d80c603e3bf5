"""Configuration in Envoy's words. Pure: the same Configuration gives the same bytes, and the version is their hash."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from penstock_contracts.names import HEADER_REVISION
from penstock_contracts.traffic import Backend
from penstock_gateway.bootstrap import ROUTES_NAME
from penstock_gateway.configuration import Clusters
from penstock_gateway.splits import LiveSplit
from penstock_gateway.world import Backing, Endpoint, Key

METADATA = "penstock.dev"
"""Under this name Envoy's own files carry what they were made from."""
_TYPE = "type.googleapis.com/envoy"
_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

_REMOVE_PREFIX = {"regex_rewrite": {"pattern": {"regex": "^/[^/]+/[^/]+/?"}, "substitution": "/"}}
_FEW_PODS = 3
_HOST_PICKS = 64
"""A dead pod has the fewest requests, so the balancer likes it: a handful of picks often finds no other."""


@dataclass(frozen=True, kw_only=True)
class ConfigFile:
    """A discovery response as Envoy reads it."""

    version: str
    text: str


def render_clusters(clusters: Clusters) -> ConfigFile:
    """Return the clusters' file."""
    return resource_file([_cluster(str(backing), endpoints) for backing, endpoints in sorted(clusters.items())])


def render_routes(live: Mapping[Key, LiveSplit], max_body_bytes: int) -> ConfigFile:
    """Return the users' routes' file."""
    ordered = sorted(live.items(), key=lambda item: item[0])
    paths = [_path_route(key, one) for key, one in ordered]
    hosts = [
        *(_virtual_host(key, one) for key, one in ordered),
        {"name": "paths", "domains": ["*"], "routes": [*paths, _unknown_route()]},
    ]
    routes = {
        "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
        "name": ROUTES_NAME,
        "ignore_port_in_host_matching": True,
        "validate_clusters": True,
        # What is not held whole cannot be tried again: everything that passes the buffer filter must be.
        "virtual_hosts": [{**host, "request_body_buffer_limit": max_body_bytes} for host in hosts],
    }
    return resource_file([routes])


def resource_file(resources: Sequence[Mapping[str, Any]], version: str = "") -> ConfigFile:
    """Return a discovery response; its version is the hash of what is in it, unless given."""
    body = json.dumps(resources)
    version = version or hashlib.sha256(body.encode()).hexdigest()[:16]
    return ConfigFile(version=version, text=f'{{"version_info": "{version}", "resources": {body}}}')


def _cluster(name: str, endpoints: tuple[Endpoint, ...]) -> dict[str, Any]:
    protocol = {
        "@type": f"type.googleapis.com/{_PROTOCOL_OPTIONS}",
        # Below every server's usual keep-alive (uvicorn's is 5 s): we close idle connections, so that no request
        # meets one which the pod is just closing.
        "common_http_protocol_options": {"idle_timeout": "4s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "@type": f"{_TYPE}.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "lb_policy": "LEAST_REQUEST",
        # By default Envoy's workers learn of ejections and returns up to a second late, in bundles: when one pod is
        # back and the other dies within that second, all tries of a request meet the dead one.
        "common_lb_config": {"healthy_panic_threshold": {"value": 1}, "update_merge_window": "0s"},
        "circuit_breakers": {"thresholds": [_limits()]},
        "outlier_detection": _outlier_detection(len(endpoints)),
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_probes": 3, "keepalive_time": 10, "keepalive_interval": 3}
        },
        "typed_extension_protocol_options": {_PROTOCOL_OPTIONS: protocol},
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [_lb_endpoint(endpoint) for endpoint in endpoints]}] if endpoints else [],
        },
    }


def _limits() -> dict[str, Any]:
    # A fixed number of retries under way, not a budget in per cent: that counts against the requests that are not
    # being retried, and when one of two pods dies nearly all are. A storm is bounded by five tries a request.
    return {
        "priority": "DEFAULT",
        "max_connections": 4096,
        "max_pending_requests": 4096,
        "max_requests": 4096,
        "max_retries": 1024,
    }


def _outlier_detection(pods: int) -> dict[str, Any]:
    """A pod that cannot be reached is left alone for a second; what a model answers, errors too, never ejects it.

    Two failures in a row eject, so that a request's later tries go elsewhere, also when the only pod that is not
    ejected has just died and the ejected one is back. When all are ejected, all are used. Of many pods
    at most half are ejected: slowness that hits all of them must not put everything on a few.

    Every ejection lasts as long as the first: Envoy does not eject a pod again whose failures went on while it was
    ejected and all were used, so the one that died last must also be the last to come back.
    """
    return {
        "split_external_local_origin_errors": True,
        "consecutive_local_origin_failure": 2,
        "enforcing_consecutive_local_origin_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_consecutive_gateway_failure": 0,
        "enforcing_success_rate": 0,
        "enforcing_local_origin_success_rate": 0,
        "interval": "0.5s",
        "base_ejection_time": "1s",
        "max_ejection_time": "1s",
        "max_ejection_percent": 100 if pods <= _FEW_PODS else 50,
    }


def _lb_endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "health_status": "HEALTHY" if endpoint.ready else "DEGRADED",
        "endpoint": {
            "address": {"socket_address": {"address": endpoint.address, "port_value": endpoint.port}},
        },
    }


def _virtual_host(key: Key, live: LiveSplit) -> dict[str, Any]:
    return {
        "name": str(key),
        "domains": [f"{key.name}.{key.namespace}"],
        "metadata": {"filter_metadata": {METADATA: _origin(key, live)}},
        "routes": [{"name": str(key), "match": {"prefix": "/"}, **_destination(key, live, rewrite={})}],
    }


def _origin(key: Key, live: LiveSplit) -> dict[str, Any]:
    split = live.split.model_dump(mode="json") if live.split else None
    return {"namespace": key.namespace, "name": key.name, "uid": live.uid, "split": split}


def _path_route(key: Key, live: LiveSplit) -> dict[str, Any]:
    # The prefix ends at a slash or at the path's end: /a/model does not take what is meant for /a/model-2.
    match = {"path_separated_prefix": f"/{key}"}
    return {"name": str(key), "match": match, **_destination(key, live, rewrite=_REMOVE_PREFIX)}


def _unknown_route() -> dict[str, Any]:
    text = "no ModelDeployment has this host or path; use the host {name}.{namespace} or the path /{namespace}/{name}/"
    return {"name": "unknown", "match": {"prefix": "/"}, "direct_response": _direct(404, text)}


def _direct(status: int, text: str) -> dict[str, Any]:
    return {"status": status, "body": {"inline_string": text}}


def _destination(key: Key, live: LiveSplit, *, rewrite: Mapping[str, Any]) -> dict[str, Any]:
    split = live.split
    backends = [backend for backend in split.backends if backend.weight] if split else []
    if split is None or not backends:
        return {"direct_response": _direct(503, f"ModelDeployment {key} has no version that serves yet")}
    action = {**_tries(split.timeout_seconds), **rewrite}
    if len(backends) == 1:
        (only,) = backends
        plain = {**action, "cluster": str(Backing(key, only.revision))}
        return {"route": plain, "response_headers_to_add": [_revision_header(only)]}
    return {"route": {**action, "weighted_clusters": {"clusters": [_weighted(key, one) for one in backends]}}}


def _weighted(key: Key, backend: Backend) -> dict[str, Any]:
    return {
        "name": str(Backing(key, backend.revision)),
        "weight": backend.weight,
        "response_headers_to_add": [_revision_header(backend)],
    }


def _revision_header(backend: Backend) -> dict[str, Any]:
    # Overwrite: a predictor cannot claim to be another revision.
    header = {"key": HEADER_REVISION, "value": backend.revision}
    return {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _tries(timeout: float) -> dict[str, Any]:
    """How often a request is tried.

    Inference is idempotent: the same request may run twice without harm. So whatever a pod's end can do to a request
    (refused, reset, 503 while it drains) is tried again on another pod of the same revision. A pod that hangs is
    not given up after a third of the time, a second one is asked beside it and the first answer wins: a slow model
    keeps its whole time limit.
    """
    return {
        "timeout": f"{timeout:.3f}s",
        "idle_timeout": f"{timeout + 60:.3f}s",
        "hedge_policy": {"hedge_on_per_try_timeout": True},
        "retry_policy": {
            "retry_on": "connect-failure,refused-stream,reset,retriable-status-codes",
            "retriable_status_codes": [503],
            "num_retries": 4,
            "per_try_timeout": f"{timeout / 3:.3f}s",
            "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.05s"},
            "host_selection_retry_max_attempts": _HOST_PICKS,
            "retry_host_predicate": [
                {
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": {
                        "@type": f"{_TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
                    },
                }
            ],
        },
    }
