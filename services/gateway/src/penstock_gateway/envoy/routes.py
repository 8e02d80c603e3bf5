"""The users' routes' file. Pure: the same splits give the same bytes, and the version is their hash."""

from collections.abc import Mapping, Sequence
from typing import Any

from penstock_contracts.names import HEADER_REVISION
from penstock_contracts.traffic import HeaderMatch, TrafficSplit
from penstock_gateway.api_server.snapshot import ModelKey
from penstock_gateway.envoy.asked_tag import asking
from penstock_gateway.envoy.bootstrap import ROUTES_NAME
from penstock_gateway.envoy.resource_file import METADATA, ResourceFile, metadata, resource_file
from penstock_gateway.envoy.retries import route_retries
from penstock_gateway.splits.configuration import route_target
from penstock_gateway.splits.splits import LiveSplit

_TYPE = "type.googleapis.com/envoy"
BY_MATCH, BY_WEIGHT = "match", "weight"
"""How a route came to its revision: requests that someone steered compare with nothing."""
_REMOVE_PREFIX = {"regex_rewrite": {"pattern": {"regex": "^/[^/]+/[^/]+/?"}, "substitution": "/"}}


def render_routes(live: Mapping[ModelKey, LiveSplit], max_body_bytes: int) -> ResourceFile:
    """Return the users' routes' file."""
    ordered = sorted(live.items(), key=lambda item: item[0])
    paths = [route for key, one in ordered for route in _path_routes(key, one)]
    hosts = [
        *(_virtual_host(key, one) for key, one in ordered),
        {"name": "paths", "domains": ["*"], "routes": [*paths, _unknown_route()]},
    ]
    routes = {
        "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
        "name": ROUTES_NAME,
        "ignore_port_in_host_matching": True,
        "validate_clusters": True,
        "response_headers_to_add": [_revision_header()],
        # What is not held whole cannot be tried again: everything that passes the buffer filter must be.
        "virtual_hosts": [{**host, "request_body_buffer_limit": max_body_bytes} for host in hosts],
    }
    return resource_file([routes])


def _revision_header() -> dict[str, Any]:
    # Of the server that was tried last: whose answer it is, also when it was rescued. Overwrite: a predictor cannot
    # claim to be another revision.
    header = {"key": HEADER_REVISION, "value": f"%UPSTREAM_METADATA({METADATA}:revision)%"}
    return {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _virtual_host(key: ModelKey, live: LiveSplit) -> dict[str, Any]:
    return {
        "name": str(key),
        "domains": [f"{key.name}.{key.namespace}"],
        "metadata": metadata(**_origin(key, live)),
        "routes": _routes(key, live, match={"prefix": "/"}, rewrite={}),
    }


def _origin(key: ModelKey, live: LiveSplit) -> dict[str, Any]:
    split = live.split.model_dump(mode="json") if live.split else None
    return {"namespace": key.namespace, "name": key.name, "uid": live.uid, "split": split}


def _path_routes(key: ModelKey, live: LiveSplit) -> list[dict[str, Any]]:
    # The prefix ends at a slash or at the path's end: /a/model does not take what is meant for /a/model-2.
    return _routes(key, live, match={"path_separated_prefix": f"/{key}"}, rewrite=_REMOVE_PREFIX)


def _unknown_route() -> dict[str, Any]:
    text = "no ModelDeployment has this host or path; use the host {name}.{namespace} or the path /{namespace}/{name}/"
    return {"name": "unknown", "match": {"prefix": "/"}, "direct_response": _direct(404, text)}


def _direct(status: int, text: str) -> dict[str, Any]:
    return {"status": status, "body": {"inline_string": text}}


def _routes(
    key: ModelKey, live: LiveSplit, *, match: Mapping[str, Any], rewrite: Mapping[str, Any]
) -> list[dict[str, Any]]:
    split = live.split
    head: dict[str, Any] = {"name": str(key), "match": match}
    whose = {"namespace": key.namespace, "name": key.name}
    if split is None or not split.backends:
        return [
            {
                **head,
                "metadata": metadata(**whose),
                "direct_response": _direct(503, f"ModelDeployment {key} has no version that serves yet"),
            }
        ]
    action = {**route_retries(split.timeout_seconds), **rewrite}
    matched = [
        {
            "name": str(key),
            "match": {**match, "headers": _headers(wanted)},
            "metadata": metadata(attempt=str(split.attempt), by=BY_MATCH, **whose),
            "route": {**action, "cluster": str(route_target(key, split, wanted.revision))},
        }
        for wanted in split.match
    ]
    asked = asking(timed=split.timed, by_pod=split.by_pod)
    by_weight = metadata(attempt=str(split.attempt), by=BY_WEIGHT, **asked, **whose)
    return [*matched, {**head, "metadata": by_weight, "route": {**action, **_by_weight(key, split)}}]


def _headers(wanted: HeaderMatch) -> Sequence[dict[str, Any]]:
    return [{"name": name, "string_match": {"exact": value}} for name, value in sorted(wanted.headers.items())]


def _by_weight(key: ModelKey, split: TrafficSplit) -> dict[str, Any]:
    # In the list's order: a hash falls on the same share while the shares before it stay.
    weighted = [
        {"name": str(route_target(key, split, backend.revision)), "weight": backend.weight}
        for backend in split.backends
        if backend.weight
    ]
    if len(weighted) == 1:
        return {"cluster": weighted[0]["name"]}
    if split.stickiness is None:
        return {"weighted_clusters": {"clusters": weighted}}
    hashed = {"header": {"header_name": split.stickiness.header}}
    return {"hash_policy": [hashed], "weighted_clusters": {"clusters": weighted, "use_hash_policy": True}}
