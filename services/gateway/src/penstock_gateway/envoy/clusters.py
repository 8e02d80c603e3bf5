"""The clusters' file. Pure: the same clusters give the same bytes, and the version is their hash."""

from typing import Any

from penstock_contracts.names import HEADER_SHADOW
from penstock_gateway.api_server.snapshot import Endpoint
from penstock_gateway.envoy.asked_tag import asking
from penstock_gateway.envoy.resource_file import ResourceFile, metadata, resource_file
from penstock_gateway.envoy.retries import rescuing_retries
from penstock_gateway.splits.configuration import ClusterName, Clusters, CompositeCluster, Pool, Role

_TYPE = "type.googleapis.com/envoy"
_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_FEW_PODS = 3
_MOST_REQUESTS = 4096
_MOST_COPIES = 64
"""Copies under way to one revision, with their bodies. A shadow that hangs costs no more than that; further ones are
not made."""
_NOBODY = {"address": "127.0.0.1", "port_value": 1}
"""Refuses connections at once."""


def render_clusters(clusters: Clusters) -> ResourceFile:
    """Return the clusters' file. Composite clusters lead to others and come last: Envoy takes them in order."""
    ordered = sorted(clusters.items(), key=lambda item: (item[0].role is Role.COMPOSITE, item[0]))
    return resource_file([_cluster(name, one) for name, one in ordered])


def _cluster(name: ClusterName, one: Pool | CompositeCluster) -> dict[str, Any]:
    head = {"@type": f"{_TYPE}.config.cluster.v3.Cluster", "name": str(name), "connect_timeout": "1s"}
    match one:
        case Pool():
            return {**head, **_pool(name, one)}
        case CompositeCluster():
            return {**head, **_composite(name, one)}


def _composite(name: ClusterName, composite: CompositeCluster) -> dict[str, Any]:
    """Tell Envoy which cluster the first try goes to, and which one each later try.

    Its own retry policy and mirror take the place of the route's, so every revision on one route has its own. It has no
    servers, and no connections that a change could break.
    """
    later = [str(one) for one in composite.later]
    tries = [str(ClusterName(name.ref)), *later]
    kind = f"{_TYPE}.extensions.clusters.composite.v3.ClusterConfig"
    policies = {
        **({"retry_policy": rescuing_retries()} if composite.rescues else {}),
        **({"request_mirror_policies": [_mirror(composite.shadow, composite.percentage)]} if composite.shadow else {}),
    }
    return {
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": "envoy.clusters.composite",
            "typed_config": {"@type": kind, "clusters": [{"name": cluster} for cluster in tries]},
        },
        "circuit_breakers": {"thresholds": [_limits(_MOST_REQUESTS)]},
        "typed_extension_protocol_options": {_PROTOCOL_OPTIONS: _protocol(**policies)},
        "metadata": metadata(
            later=later,
            rescues=composite.rescues,
            shadow=str(composite.shadow) if composite.shadow else None,
            percentage=composite.percentage,
        ),
    }


def _mirror(shadow: ClusterName, percentage: int) -> dict[str, Any]:
    # Envoy draws one random number for a request, and the weights take its last two digits. Of a million, per cents
    # take the first two: with a denominator of a hundred a revision with half of the requests would have all or none
    # of them copied.
    fraction = {"numerator": percentage * 10_000, "denominator": "MILLION"}
    return {
        "cluster": str(shadow),
        "disable_shadow_host_suffix_append": True,
        "request_headers_mutations": [{"append": {"header": {"key": HEADER_SHADOW, "value": "copy"}}}],
        "runtime_fraction": {"default_value": fraction},
    }


def _pool(name: ClusterName, pool: Pool) -> dict[str, Any]:
    servers = _servers(name, pool)
    return {
        "type": "STATIC",
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "lb_policy": "LEAST_REQUEST",
        # By default Envoy's workers learn of ejections and returns up to a second late, in bundles: when one pod is
        # back and the other dies within that second, all tries of a request meet the dead one.
        "common_lb_config": {"healthy_panic_threshold": {"value": 1}, "update_merge_window": "0s"},
        "circuit_breakers": {"thresholds": [_limits(_MOST_COPIES if name.role is Role.SHADOW else _MOST_REQUESTS)]},
        "outlier_detection": _outlier_detection(len(pool.endpoints)),
        "upstream_connection_options": {
            "tcp_keepalive": {"keepalive_probes": 3, "keepalive_time": 10, "keepalive_interval": 3}
        },
        # Below every server's usual keep-alive (uvicorn's is 5 s): we close idle connections, so that no request
        # meets one which the pod is just closing.
        "typed_extension_protocol_options": {
            _PROTOCOL_OPTIONS: _protocol(common_http_protocol_options={"idle_timeout": "4s"})
        },
        "load_assignment": {
            "cluster_name": str(name),
            "endpoints": [{"lb_endpoints": servers}] if servers else [],
        },
        "metadata": metadata(attempt=pool.attempt, timed=pool.timed, by_pod=pool.by_pod),
    }


def _protocol(**options: Any) -> dict[str, Any]:
    kind = f"type.googleapis.com/{_PROTOCOL_OPTIONS}"
    return {"@type": kind, "explicit_http_config": {"http_protocol_options": {}}, **options}


def _limits(requests: int) -> dict[str, Any]:
    # A fixed number of retries under way, not a budget in per cent: that counts against the requests that are not
    # being retried, and when one of two pods dies nearly all are. A storm is bounded by five tries a request.
    return {
        "priority": "DEFAULT",
        "max_connections": requests,
        "max_pending_requests": requests,
        "max_requests": requests,
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


def _servers(name: ClusterName, pool: Pool) -> list[dict[str, Any]]:
    tags = _tags(name, pool)
    if pool.refuses:
        return [{"endpoint": {"address": {"socket_address": _NOBODY}}, "metadata": tags}]
    return [{**_server(endpoint), "metadata": tags} for endpoint in pool.endpoints]


def _server(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "health_status": "HEALTHY" if endpoint.ready else "DEGRADED",
        "endpoint": {
            "address": {"socket_address": {"address": endpoint.address, "port_value": endpoint.port}},
        },
    }


def _tags(name: ClusterName, pool: Pool) -> dict[str, Any]:
    """Every try is counted under these: they stand on the server, so a rescue is told from a first try."""
    return metadata(
        model=str(name.ref.key),
        revision=name.ref.revision,
        role=str(name.role),
        attempt="" if pool.attempt is None else str(pool.attempt),
        **asking(timed=pool.timed, by_pod=pool.by_pod),
    )
