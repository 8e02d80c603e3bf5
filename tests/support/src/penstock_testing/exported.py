"""What a part's `/metrics` exports, against what is declared in contracts."""

from collections.abc import Collection, Iterable

from prometheus_client import Metric as Family
from prometheus_client.parser import text_string_to_metric_families

from penstock_contracts.metric_names import METRICS
from penstock_testing.platform import Platform

_OURS = "penstock_"
_CREATED = "_created"
"""The client library's own addition to counters and histograms."""
_OF_HISTOGRAMS = {"le"}
OF_LOOK_UPS = frozenset(metric.name for metric in METRICS if metric.name.startswith("penstock_predictor_feature"))
"""A predictor exports them only where its version looks features up."""


def scraped(platform: Platform, namespace: str, pod: str, port: int) -> str:
    """Ask a pod for its `/metrics`, through the API server."""
    return platform.cluster.kubectl("get", "--raw", f"/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/metrics")


def differences(text: str, part: str, *, without: Collection[str] = ()) -> list[str]:
    """Series that are declared and not exported, exported and not declared, or have other labels, a sentence each.

    `without`: names that count as not declared.
    """
    ours = (metric for metric in METRICS if metric.part in {part, "every"})
    declared = {metric.name: metric for metric in ours if metric.name not in without}
    found = {_name(family): family for family in _ours(text)}
    missing = [f"declared, not exported: {name}" for name in sorted(declared.keys() - found.keys())]
    unknown = [f"exported, not declared: {name}" for name in sorted(found.keys() - declared.keys())]
    labels = [
        f"{name} has the labels {sorted(seen)}, declared are {sorted(declared[name].labels)}"
        for name in sorted(declared.keys() & found.keys())
        for seen in _labels(found[name])
        if seen != set(declared[name].labels)
    ]
    return missing + unknown + labels


def _ours(text: str) -> Iterable[Family]:
    families = text_string_to_metric_families(text)
    return (one for one in families if one.name.startswith(_OURS) and not one.name.endswith(_CREATED))


def _name(family: Family) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(family: Family) -> set[frozenset[str]]:
    return {frozenset(sample.labels.keys() - _OF_HISTOGRAMS) for sample in family.samples}
