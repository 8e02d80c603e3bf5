"""Envoy's static configuration, as data: listeners, limits, and where the files of clusters and routes are."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock_contracts.names import HEADER_REQUEST_ID
from penstock_gateway.envoy.asked_tag import BY_POD, asked_tag
from penstock_gateway.envoy.latency_bucket import LATENCY_BUCKET
from penstock_gateway.envoy.replays import replay_manager
from penstock_gateway.envoy.resource_file import METADATA
from penstock_gateway.envoy.tracing import collector_cluster, flush_times, tracing_options
from penstock_gateway.settings import GatewaySettings

ROUTES_NAME = "users"
"""Name of the users' route configuration, and of Envoy's statistics about it."""
TRIES_PREFIX = "penstock"
_WHOSE_TAGS = {
    "model": f"%UPSTREAM_METADATA({METADATA}:model)%",
    "revision": f"%UPSTREAM_METADATA({METADATA}:revision)%",
    "role": f"%UPSTREAM_METADATA({METADATA}:role)%",
    # A copy has no route: its attempt stands on the server.
    "attempt": f"%METADATA(ROUTE:{METADATA}:attempt)%%UPSTREAM_METADATA({METADATA}:attempt)%",
    "by": f"%METADATA(ROUTE:{METADATA}:by)%",
    "code": "%RESPONSE_CODE%",
    "flags": "%RESPONSE_FLAGS%",
}
TRY_TAGS = {**_WHOSE_TAGS, "took": LATENCY_BUCKET}
"""What tries are counted by: tag to Envoy's format. None of the values contains a dot."""
POD_TAGS = {**_WHOSE_TAGS, "pod": asked_tag(BY_POD, "upstream.address")}
"""What tries are counted by a second time: apart, as a counter for each pod and bucket would be too many. The last
one's values contain dots."""
REQUESTS_PREFIX = "penstock_users"
REQUEST_TAGS = {
    "model": "%ROUTE_NAME%",
    "revision": _WHOSE_TAGS["revision"],
    "code": "%RESPONSE_CODE%",
    "tries": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
}
"""What users' requests are counted by, each once. A request that no route takes has the model `unknown`, or none."""
SPAN_TAGS = {
    "penstock.namespace": f"%METADATA(ROUTE:{METADATA}:namespace)%",
    "penstock.name": f"%METADATA(ROUTE:{METADATA}:name)%",
    **{f"penstock.{tag}": _WHOSE_TAGS[tag] for tag in ("revision", "role", "attempt", "by")},
}
"""The tags of a span in traces, of a request and of each try: tag to Envoy's format."""
_TYPE = "type.googleapis.com/envoy"
_OURS = ("x-envoy-", "x-penstock-")
_CLIENT_REQUEST_ID = "x-client-request-id"

_REPLIES = {
    "UH": "no pod of the chosen version is ready; try again shortly",
    "UO": "too many requests are waiting for this model; try again shortly",
    "UT": "no answer within the time limit; send fewer rows in a request, or raise spec.predictor.timeout",
    "UF,UC,UR,LR,URX,UPE": "its pods could not be reached or broke off, and trying again did not help",
    "NC": "the chosen version is unknown to this gateway pod; try again shortly",
}
_REFUSALS = {
    400: "the gateway cannot read this as HTTP",
    403: "the gateway does not take such a request",
    408: "the request did not come whole in time",
    426: "the gateway does not speak this version of HTTP; use HTTP/1.1 or HTTP/2",
    431: "the request's headers are too large or too many: 60 KiB and 100 of them are taken",
    501: "bodies are taken with Content-Length or Transfer-Encoding: chunked; compression is named by Content-Encoding",
}
"""For what Envoy refuses by itself, often without a word."""
_NO_ROUTE = "no ModelDeployment is meant by this; use the host {name}.{namespace} or the path /{namespace}/{name}/"
_NOBODYS_HOST = "host.not.given"
"""What a request of HTTP/1.0 without a Host is taken to ask for: it is known by its path, or not at all."""


@dataclass(frozen=True, kw_only=True)
class ConfigPaths:
    """The files that Envoy reads."""

    folder: Path

    @property
    def bootstrap(self) -> Path:
        """Written before Envoy starts."""
        return self.folder / "bootstrap.json"

    @property
    def clusters(self) -> Path:
        """Clusters with their endpoints; replaced by the agent."""
        return self.folder / "clusters.json"

    @property
    def routes(self) -> Path:
        """Users' routes; replaced by the agent."""
        return self.folder / "routes.json"


def render_bootstrap(settings: GatewaySettings, epoch: str) -> str:
    """Return the bootstrap file's text. The epoch names this start: counters begin at 0 with it."""
    paths = ConfigPaths(folder=settings.config_dir)
    bootstrap = {
        "node": {"id": settings.pod_name, "cluster": "penstock-gateway", "metadata": {"epoch": epoch}},
        "admin": {"address": _address("127.0.0.1", settings.admin_port), "ignore_global_conn_limit": True},
        "application_log_config": {
            "log_format": {"json_format": {"time": "%Y-%m-%dT%T.%e%z", "level": "%l", "logger": "%n", "message": "%j"}}
        },
        # A cluster's counters are made when they first count: a thousand idle clusters cost next to nothing, and the
        # agent's questions about versions are answered in a fraction of the time.
        "deferred_stat_options": {"enable_deferred_creation_stats": True},
        "overload_manager": _overload_manager(settings),
        "dynamic_resources": {"cds_config": _file_source(paths.clusters)},
        "static_resources": {
            "listeners": [_users_listener(settings, paths), _replay_listener(settings), _probe_listener(settings)],
            **collector_cluster(settings),
        },
        **flush_times(settings),
    }
    return json.dumps(bootstrap, indent=1)


def _address(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def _file_source(path: Path) -> dict[str, Any]:
    # Every subscription by file costs Envoy an inotify instance, and a node gives a user 128 of them: there are two,
    # whatever the number of models. With one file of endpoints for each cluster (EDS), Envoy aborts at its start.
    # The file itself is watched, not its folder: a new file of clusters must not make Envoy read the routes again.
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def _overload_manager(settings: GatewaySettings) -> dict[str, Any]:
    heap = {
        "@type": f"{_TYPE}.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
        "max_heap_size_bytes": settings.envoy_max_heap_bytes,
    }
    connections = {
        "@type": f"{_TYPE}.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
        "max_active_downstream_connections": settings.envoy_max_connections,
    }
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            {"name": "envoy.resource_monitors.fixed_heap", "typed_config": heap},
            {"name": "envoy.resource_monitors.global_downstream_max_connections", "typed_config": connections},
        ],
        "actions": [_overload_action("shrink_heap", 0.9), _overload_action("stop_accepting_requests", 0.95)],
    }


def _overload_action(name: str, threshold: float) -> dict[str, Any]:
    trigger = {"name": "envoy.resource_monitors.fixed_heap", "threshold": {"value": threshold}}
    return {"name": f"envoy.overload_actions.{name}", "triggers": [trigger]}


def _users_listener(settings: GatewaySettings, paths: ConfigPaths) -> dict[str, Any]:
    manager = {
        "stat_prefix": ROUTES_NAME,
        "codec_type": "AUTO",  # HTTP/1.1, and HTTP/2 without TLS where the client begins with its preface
        "rds": {"route_config_name": ROUTES_NAME, "config_source": _file_source(paths.routes)},
        "use_remote_address": True,
        "generate_request_id": True,
        "preserve_external_request_id": False,
        "always_set_request_id_in_response": True,
        "strip_trailing_host_dot": True,
        "http_protocol_options": _http1(),
        "normalize_path": True,
        "merge_slashes": True,
        "early_header_mutation_extensions": [_early_headers()],
        "common_http_protocol_options": {"idle_timeout": "300s", "max_headers_count": 100},
        "http2_protocol_options": {
            "max_concurrent_streams": 256,
            "initial_stream_window_size": 1024 * 1024,
            "initial_connection_window_size": 16 * 1024 * 1024,
        },
        "request_headers_timeout": "10s",
        "request_timeout": "60s",
        "local_reply_config": _local_replies(settings.max_body_bytes),
        "access_log": [_access_log(), _requests_log()],
        "http_filters": [_buffer_filter(settings.max_body_bytes), _router_filter(upstream_log=[_tries_log()])],
        **tracing_options(settings, SPAN_TAGS),
    }
    return {
        "name": "users",
        "address": _address(settings.listen_address, settings.user_port),
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "filter_chains": [{"filters": [_connection_manager(manager)]}],
    }


def _http1() -> dict[str, Any]:
    """Take what ordinary clients say: nginx speaks HTTP/1.0 to what is behind it, by its default.

    Nobody here speaks what an Upgrade offers (Apache's client offers TLS, others h2c). Such an offer may be ignored,
    and is: Envoy by itself would refuse the request.
    """
    return {
        "accept_http_10": True,
        "default_host_for_http_10": _NOBODYS_HOST,
        "ignore_http_11_upgrade": [{"safe_regex": {"regex": ".*"}}],
    }


def _replay_listener(settings: GatewaySettings) -> dict[str, Any]:
    # Its router writes no log of tries: what a replay does is no evidence of the gateway's.
    manager = {**replay_manager(), "http_filters": [_router_filter()]}
    return {
        "name": "replays",
        "address": _address(settings.listen_address, settings.replay_port),
        "per_connection_buffer_limit_bytes": 1024 * 1024,
        "filter_chains": [{"filters": [_connection_manager(manager)]}],
    }


def _probe_listener(settings: GatewaySettings) -> dict[str, Any]:
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "ok\n"}}}
    manager = {
        "stat_prefix": "probe",
        "route_config": {"virtual_hosts": [{"name": "probe", "domains": ["*"], "routes": [answer]}]},
        "http_filters": [_router_filter()],
    }
    return {
        "name": "probe",
        "address": _address(settings.listen_address, settings.probe_port),
        "ignore_global_conn_limit": True,
        "filter_chains": [{"filters": [_connection_manager(manager)]}],
    }


def _connection_manager(manager: dict[str, Any]) -> dict[str, Any]:
    kind = f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": {"@type": kind, **manager}}


def _early_headers() -> dict[str, Any]:
    """Before anything looks at a request: its own id is kept aside, and headers that steer us or Envoy are dropped."""
    keep = {
        "header": {"key": _CLIENT_REQUEST_ID, "value": f"%REQ({HEADER_REQUEST_ID})%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    drop = [{"remove_on_match": {"key_matcher": {"prefix": prefix}}} for prefix in _OURS]
    config = {
        "@type": f"{_TYPE}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        "mutations": [{"append": keep}, {"remove": HEADER_REQUEST_ID}, *drop],
    }
    return {"name": "envoy.http.early_header_mutation.header_mutation", "typed_config": config}


def _buffer_filter(limit: int) -> dict[str, Any]:
    config = {"@type": f"{_TYPE}.extensions.filters.http.buffer.v3.Buffer", "max_request_bytes": limit}
    return {"name": "envoy.filters.http.buffer", "typed_config": config}


def _router_filter(**options: Any) -> dict[str, Any]:
    config = {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True, **options}
    return {"name": "envoy.filters.http.router", "typed_config": config}


def _tries_log() -> dict[str, Any]:
    """Count every try at a server, copies too, by what stands on the server and on the route."""
    config = {
        "@type": f"{_TYPE}.extensions.access_loggers.stats.v3.Config",
        # No bound: past one, Envoy drops new counters without a word, and those may be the failures. An attempt makes
        # some hundred, one for each bucket of latency that a version reaches, and two or three for each pod.
        "stats_scope": {"prefix": TRIES_PREFIX},
        "counters": [_counter("tries", TRY_TAGS), _counter("pods", POD_TAGS)],
    }
    return {"name": "envoy.access_loggers.stats", "typed_config": config}


def _counter(name: str, tags: Mapping[str, str]) -> dict[str, Any]:
    formats = [{"name": tag, "value_format": value} for tag, value in tags.items()]
    return {"stat": {"name": name, "tags": formats}, "value_fixed": 1}


def _requests_log() -> dict[str, Any]:
    """Count users' requests as users see them: one each, however many servers were tried, with its time."""
    counter = _counter("requests", REQUEST_TAGS)
    timed = [tag for tag in counter["stat"]["tags"] if tag["name"] in ("model", "revision")]
    config = {
        "@type": f"{_TYPE}.extensions.access_loggers.stats.v3.Config",
        "stats_scope": {"prefix": REQUESTS_PREFIX},
        "counters": [counter],
        "histograms": [{"stat": {"name": "ms", "tags": timed}, "value_format": "%DURATION%", "unit": "Milliseconds"}],
    }
    return {"name": "envoy.access_loggers.stats", "typed_config": config}


def _local_replies(limit: int) -> dict[str, Any]:
    too_large = {
        "filter": _status_filter("EQ", 413),
        "body_format_override": _error(
            f"the request's body is larger than the {limit} bytes that the gateway takes; send fewer rows in a request"
        ),
    }
    by_flag = [
        {
            "filter": {"response_flag_filter": {"flags": flags.split(",")}},
            "body_format_override": _error(f"%ROUTE_NAME%: {text} (%RESPONSE_FLAGS%)"),
        }
        for flags, text in _REPLIES.items()
    ]
    no_route = {
        "filter": {"response_flag_filter": {"flags": ["NR"]}},
        "body_format_override": _error(f"{_NO_ROUTE} (%RESPONSE_CODE_DETAILS%)"),
    }
    # What the routes answer has its text already, and is 404 or 503.
    by_status = [_refusal(status, text) for status, text in _REFUSALS.items()]
    return {"mappers": [too_large, *by_flag, no_route, *by_status], "body_format": _error("%LOCAL_REPLY_BODY%")}


def _refusal(status: int, text: str) -> dict[str, Any]:
    why = f"{text} (%RESPONSE_CODE_DETAILS%)"
    return {"filter": _status_filter("EQ", status), "body_format_override": _error(why)}


def _error(text: str) -> dict[str, Any]:
    return {"json_format": {"error": text}}


def _status_filter(operator: str, status: int) -> dict[str, Any]:
    value = {"default_value": status, "runtime_key": "penstock.status"}
    return {"status_code_filter": {"comparison": {"op": operator, "value": value}}}


def _access_log() -> dict[str, Any]:
    """Only what went wrong: each line is worth reading."""
    fields = {
        "time": "%START_TIME%",
        "logger": "access",
        "route": "%ROUTE_NAME%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(:PATH):256%",
        "status": "%RESPONSE_CODE%",
        "flags": "%RESPONSE_FLAGS%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "cluster": "%UPSTREAM_CLUSTER%",
        "upstream": "%UPSTREAM_HOST%",
        "tries": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
        "milliseconds": "%DURATION%",
        "request_id": f"%REQ({HEADER_REQUEST_ID})%",
    }
    config = {
        "@type": f"{_TYPE}.extensions.access_loggers.stream.v3.StdoutAccessLog",
        "log_format": {"json_format": fields},
    }
    worth = {"or_filter": {"filters": [_status_filter("GE", 500), {"response_flag_filter": {}}]}}
    return {"name": "envoy.access_loggers.stdout", "filter": worth, "typed_config": config}
