"""Whether this process traces, by the variables that OpenTelemetry names for all its SDKs."""

from collections.abc import Mapping


def is_on(environment: Mapping[str, str]) -> bool:
    """Whether traces are to be exported.

    They must be asked for: an endpoint alone, which may stand in every pod of a cluster, says nothing about us.
    """
    exporters = environment.get("OTEL_TRACES_EXPORTER", "").split(",")
    disabled = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    return "otlp" in (name.strip() for name in exporters) and not disabled
