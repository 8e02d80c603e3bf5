"""Who is let in to which port of which part, where the cluster enforces it."""

from typing import Any

import pytest

from penstock_contracts.names import LABEL_REVISION
from penstock_testing.chart import Chart, Rendered

ON = "networkPolicies.enabled=true"
SCRAPED = (ON, "networkPolicies.metricsFrom[0]=monitoring")
MONITORING = "namespace monitoring"
PREDICTORS = f"pods with {LABEL_REVISION}"
RETRAINING = "pods with penstock.dev/retraining"


def peer(selectors: dict[str, Any]) -> str:
    """In words."""
    match selectors:
        case {"podSelector": {"matchLabels": labels}}:
            return str(labels["app.kubernetes.io/component"])
        case {"podSelector": {"matchExpressions": [{"key": key, "operator": "Exists"}]}, "namespaceSelector": where}:
            inside = where.get("matchLabels", {}).get("kubernetes.io/metadata.name")
            return f"pods with {key}" + (f" in {inside}" if inside else "")
        case {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}:
            return f"namespace {name}"
        case _:
            raise AssertionError(f"not known to this test: {selectors}")


def let_in(rendered: Rendered) -> dict[tuple[str, str], set[str]]:
    """Part and port to those that may reach it."""
    found: dict[tuple[str, str], set[str]] = {}
    for policy in rendered.of("NetworkPolicy"):
        spec = policy["spec"]
        assert spec["policyTypes"] == ["Ingress"]
        part = spec["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for rule in spec.get("ingress", []):
            (port,) = rule["ports"]
            found[part, port["port"]] = {peer(one) for one in rule["from"]} if "from" in rule else {"everybody"}
    return found


def test_there_are_none_unless_asked_for(defaults: Rendered) -> None:
    assert defaults.of("NetworkPolicy") == []


def test_each_part_has_one_and_lets_in_those_that_need_it(chart: Chart) -> None:
    rendered = chart.render(ON)
    names = {
        policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
        for policy in rendered.of("NetworkPolicy")
    }
    assert names == set(rendered.pods())
    assert let_in(rendered) == {
        ("gateway", "http"): {"everybody"},
        ("gateway", "agent"): {"controller"},
        ("gateway", "replay"): {"drift-monitor"},
        ("model-store", "http"): {"controller", "drift-monitor", PREDICTORS},
        ("drift-monitor", "http"): {"controller", PREDICTORS, RETRAINING},
    }


def test_namespaces_that_read_metrics_are_let_in_to_the_ports_of_metrics(chart: Chart) -> None:
    rendered = chart.render(*SCRAPED)
    assert {key for key, peers in let_in(rendered).items() if MONITORING in peers} == {
        ("controller", "metrics"),
        ("gateway", "agent"),
        ("model-store", "http"),
        ("drift-monitor", "http"),
    }


def test_where_one_namespace_is_watched_only_its_predictors_reach_store_and_monitor(chart: Chart) -> None:
    found = let_in(chart.render(ON, "watchNamespace=payments"))
    assert found["model-store", "http"] == {"controller", "drift-monitor", f"{PREDICTORS} in payments"}
    assert found["drift-monitor", "http"] == {"controller", f"{PREDICTORS} in payments", f"{RETRAINING} in payments"}


@pytest.mark.parametrize("settings", [(ON,), SCRAPED])
def test_ports_are_names_that_the_parts_containers_have(chart: Chart, settings: tuple[str, ...]) -> None:
    rendered = chart.render(*settings)
    ports = {
        (part, port["name"])
        for part, pod in rendered.pods().items()
        for container in pod["spec"]["containers"]
        for port in container["ports"]
    }
    assert let_in(rendered).keys() <= ports
