"""Traces as Envoy makes them: a span for each request of a user, and one for each try at a server. Off by default."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from penstock_gateway.settings import GatewaySettings

COLLECTOR = "penstock-collector"
"""Envoy's cluster of the collector. No cluster of a revision has a name without slashes."""
_TYPE = "type.googleapis.com/envoy"
_PATH = "/v1/traces"
_HTTP_PORT = 80
_EXPORT_SECONDS = 5
_MOST_SPANS = 4096
"""Of each of Envoy's threads, that wait for their export; further ones are dropped."""


def tracing_options(settings: GatewaySettings, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return what makes a connection manager trace, if anything. `tags`: name to Envoy's format."""
    if not settings.tracing_endpoint:
        return {}
    tracing = {
        # The provider's sampler decides. Nobody does by Envoy's own headers.
        "random_sampling": {"value": 100},
        "client_sampling": {"value": 0},
        "spawn_upstream_span": True,
        "operation": "%ROUTE_NAME%",
        "upstream_operation": "try",
        "custom_tags": [{"tag": name, "value": value} for name, value in tags.items()],
        "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": _provider(settings)},
    }
    return {"tracing": tracing}


def flush_times(settings: GatewaySettings) -> dict[str, Any]:
    """Return the part of a bootstrap that says when spans leave, if any do."""
    if not settings.tracing_endpoint:
        return {}
    timing = {"tracing.opentelemetry.flush_interval_ms": 1000, "tracing.opentelemetry.min_flush_spans": 512}
    return {"layered_runtime": {"layers": [{"name": "tracing", "static_layer": timing}]}}


def collector_cluster(settings: GatewaySettings) -> dict[str, Any]:
    """Return the part of a bootstrap that says where spans are sent, if they are."""
    if not settings.tracing_endpoint:
        return {}
    where = urlsplit(settings.tracing_endpoint)
    address = {"address": where.hostname, "port_value": where.port or _HTTP_PORT}
    cluster = {
        "name": COLLECTOR,
        "type": "STRICT_DNS",
        "dns_lookup_family": "V4_PREFERRED",
        "connect_timeout": "1s",
        # A name that nobody answers for must not hold up the start.
        "wait_for_warm_on_init": False,
        "load_assignment": {
            "cluster_name": COLLECTOR,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": address}}}]}],
        },
    }
    return {"clusters": [cluster]}


def _provider(settings: GatewaySettings) -> dict[str, Any]:
    static = f"{_TYPE}.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig"
    pod = {"@type": static, "attributes": {"k8s.pod.name": settings.pod_name}}
    uri = settings.tracing_endpoint.rstrip("/") + _PATH
    return {
        "@type": f"{_TYPE}.config.trace.v3.OpenTelemetryConfig",
        "service_name": "penstock-gateway",
        "sampler": _sampler(settings.tracing_sampling_percentage),
        "max_cache_size": _MOST_SPANS,
        "http_service": {"http_uri": {"uri": uri, "cluster": COLLECTOR, "timeout": f"{_EXPORT_SECONDS}s"}},
        "resource_detectors": [
            {"name": "envoy.tracers.opentelemetry.resource_detectors.static_config", "typed_config": pod}
        ],
    }


def _sampler(percentage: float) -> dict[str, Any]:
    """A caller that sends a trace context has decided by its flag."""
    samplers = f"{_TYPE}.extensions.tracers.opentelemetry.samplers.v3"
    share = {
        "@type": f"{samplers}.TraceIdRatioBasedSamplerConfig",
        "sampling_percentage": {"numerator": round(percentage * 10_000), "denominator": "MILLION"},
    }
    wrapped = {"name": "envoy.tracers.opentelemetry.samplers.trace_id_ratio_based", "typed_config": share}
    config = {"@type": f"{samplers}.ParentBasedSamplerConfig", "wrapped_sampler": wrapped}
    return {"name": "envoy.tracers.opentelemetry.samplers.parent_based", "typed_config": config}
