"""What Prometheus is told to scrape: each part's port, and whose namespace a series has."""

from typing import Any

import pytest

from penstock_contracts.metric_names import METRICS
from penstock_testing.chart import Chart, Rendered

ON = "prometheus.serviceMonitor.enabled=true"


@pytest.fixture(scope="session")
def on(chart: Chart) -> Rendered:
    return chart.render(ON)


def endpoint_of(monitor: dict[str, Any]) -> dict[str, Any]:
    (endpoint,) = monitor["spec"].get("endpoints") or monitor["spec"]["podMetricsEndpoints"]
    return dict(endpoint)


def scraped(rendered: Rendered) -> dict[str, str]:
    """Part to the name of the port at which its metrics are read."""
    found = {}
    for item in rendered.of("ServiceMonitor", "PodMonitor"):
        endpoint = endpoint_of(item)
        found[item["metadata"]["labels"]["app.kubernetes.io/component"]] = endpoint["port"]
    return found


def test_every_part_that_exports_series_is_scraped_at_a_port_that_it_has(on: Rendered) -> None:
    ports = scraped(on)
    assert ports.keys() == {metric.part for metric in METRICS} - {"every"}
    for part, pod in on.pods().items():
        named = {port["name"] for container in pod["spec"]["containers"] for port in container["ports"]}
        assert ports[part] in named


def test_monitors_choose_what_the_chart_installs(on: Rendered) -> None:
    for monitor in on.of("ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        chosen = [item for item in on.of("Service") if wanted <= item["metadata"]["labels"].items()]
        endpoint = endpoint_of(monitor)
        assert [endpoint["port"] in {port["name"] for port in item["spec"]["ports"]} for item in chosen] == [True]
    pods = [pod["metadata"]["labels"].items() for pod in on.pods().values()]
    for monitor in on.of("PodMonitor"):
        if wanted := monitor["spec"]["selector"].get("matchLabels", {}).items():
            assert len([labels for labels in pods if wanted <= labels]) == 1


def test_a_models_namespace_goes_before_the_pods_own(on: Rendered) -> None:
    named = {metric.part for metric in METRICS if "namespace" in metric.labels}
    for item in on.of("ServiceMonitor", "PodMonitor"):
        endpoint = endpoint_of(item)
        if item["metadata"]["labels"]["app.kubernetes.io/component"] in named:
            assert endpoint["honorLabels"] is True


@pytest.mark.parametrize(("watched", "where"), [("", {"any": True}), ("payments", {"matchNames": ["payments"]})])
def test_predictor_pods_are_scraped_where_models_are(chart: Chart, watched: str, where: dict[str, Any]) -> None:
    rendered = chart.render(ON, f"watchNamespace={watched}")
    assert rendered.one("PodMonitor", "penstock-predictor")["spec"]["namespaceSelector"] == where


def test_labels_and_interval_are_as_the_administrator_says(chart: Chart) -> None:
    rendered = chart.render(
        "prometheus.rules.enabled=true",
        ON,
        "prometheus.rules.additionalLabels.release=stack",
        "prometheus.serviceMonitor.additionalLabels.release=stack",
        "prometheus.serviceMonitor.interval=1m",
    )
    found = rendered.of("PrometheusRule", "ServiceMonitor", "PodMonitor")
    assert {item["metadata"]["labels"]["release"] for item in found} == {"stack"}
    assert {item["metadata"]["labels"]["app.kubernetes.io/name"] for item in found} == {"penstock"}
    for item in rendered.of("ServiceMonitor", "PodMonitor"):
        endpoint = endpoint_of(item)
        assert endpoint["interval"] == "1m"
