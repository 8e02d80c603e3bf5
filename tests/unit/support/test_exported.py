from prometheus_client import CollectorRegistry, Counter, generate_latest

from penstock_contracts import metric_names
from penstock_gateway.metrics import Metrics
from penstock_testing.exported import differences


def exported(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()


def test_a_part_that_exports_what_is_declared_has_no_difference() -> None:
    assert differences(exported(Metrics().registry), "gateway") == []


def test_a_series_that_nobody_declared_and_one_that_nobody_exports_are_found() -> None:
    metrics = Metrics()
    Counter("penstock_gateway_secret", "meaning", registry=metrics.registry)
    metrics.registry.unregister(metrics._rejected)
    assert differences(exported(metrics.registry), "gateway") == [
        f"declared, not exported: {metric_names.GATEWAY_REJECTED.name}",
        "exported, not declared: penstock_gateway_secret_total",
    ]


def test_another_label_is_found() -> None:
    text = (
        exported(Metrics().registry)
        + '# TYPE penstock_gateway_traffic_applied_number gauge\npenstock_gateway_traffic_applied_number{pod="a"} 1\n'
    )
    assert "has the labels ['pod']" in differences(text, "gateway")[0]
