"""The way in for recorded requests: from the drift monitor to the pods of one revision, whatever users are sent to.

Users' own door drops the header that names the revision. Nothing here is tried again, counted as evidence, or shown to
a user: what is answered says by its status how it went, and whether a pod got the request at all.
"""

from typing import Any

from penstock_contracts.names import HEADER_REPLAY, HEADER_SHADOW, HEADER_UNREACHED

_POOL = "[a-z0-9-]+/[a-z0-9.-]+/[a-z0-9-]+"
"""Clusters of a revision's pods, and no others that Envoy knows."""
_UNREACHED = ["NR", "NC", "UH", "UF", "UO"]
"""Envoy's flags of a request that no pod got: no route, no such cluster, no pod, no connection, too many at once."""


def replay_manager() -> dict[str, Any]:
    """The connection manager of its listener, but for the filters."""
    return {
        "stat_prefix": "replays",
        "codec_type": "AUTO",
        "use_remote_address": True,
        # Both versions' answers meet by this id.
        "preserve_external_request_id": True,
        "common_http_protocol_options": {"idle_timeout": "60s"},
        "request_headers_timeout": "10s",
        "route_config": {"virtual_hosts": [{"name": "replays", "domains": ["*"], "routes": [_route()]}]},
        "local_reply_config": {"mappers": [_unreached()], "body_format": _error("%LOCAL_REPLY_BODY%")},
    }


def _route() -> dict[str, Any]:
    named = {"name": HEADER_REPLAY, "string_match": {"safe_regex": {"regex": _POOL}}}
    posted = {"name": ":method", "string_match": {"exact": "POST"}}
    shadow = {
        "header": {"key": HEADER_SHADOW, "value": "copy"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    return {
        "match": {"prefix": "/v2/models/", "headers": [named, posted]},
        "request_headers_to_add": [shadow],
        "request_headers_to_remove": [HEADER_REPLAY],
        # The monitor gives up in its own time, which is the resource's.
        "route": {"cluster_header": HEADER_REPLAY, "timeout": "0s"},
    }


def _unreached() -> dict[str, Any]:
    told = {
        "header": {"key": HEADER_UNREACHED, "value": "%RESPONSE_FLAGS%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    return {
        "filter": {"response_flag_filter": {"flags": _UNREACHED}},
        "headers_to_add": [told],
        "body_format_override": _error("no pod of this revision was reached (%RESPONSE_FLAGS%)"),
    }


def _error(text: str) -> dict[str, Any]:
    return {"json_format": {"error": text}}
