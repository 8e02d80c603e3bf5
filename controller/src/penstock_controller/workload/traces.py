"""How a predictor pod is told to go on with traces. Built without I/O."""

from collections.abc import Sequence
from typing import Any

from penstock_contracts.names import LABEL_REVISION

Variable = dict[str, Any]


def traced_to(endpoint: str, name: str, wanted: Sequence[Variable]) -> tuple[Variable, ...]:
    """The environment of the container that computes, in OpenTelemetry's words; empty: nothing is traced.

    `endpoint`: of a collector that takes OTLP over HTTP; empty: there is none. `name`: of the ModelDeployment.
    `wanted`: variables that administrator or user ask for: each goes before ours of that name.
    """
    if not endpoint:
        return ()
    # A template that is hashed for the revision's name can have neither that name nor a namespace in it.
    whose = {
        "penstock.namespace": "$(PENSTOCK_TRACED_NAMESPACE)",
        "penstock.name": name,
        "penstock.revision": "$(PENSTOCK_TRACED_REVISION)",
        "k8s.pod.name": "$(PENSTOCK_TRACED_POD)",
    }
    ours = (
        _from_pod("PENSTOCK_TRACED_NAMESPACE", "metadata.namespace"),
        _from_pod("PENSTOCK_TRACED_REVISION", f"metadata.labels['{LABEL_REVISION}']"),
        _from_pod("PENSTOCK_TRACED_POD", "metadata.name"),
        _is("OTEL_TRACES_EXPORTER", "otlp"),
        _is("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        _is("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        _is("OTEL_SERVICE_NAME", "penstock-predictor"),
        _is("OTEL_RESOURCE_ATTRIBUTES", ",".join(f"{key}={value}" for key, value in whose.items())),
    )
    theirs = {one["name"] for one in wanted}
    return tuple(one for one in ours if one["name"] not in theirs)


def _is(name: str, value: str) -> Variable:
    return {"name": name, "value": value}


def _from_pod(name: str, field: str) -> Variable:
    return {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": field}}}
