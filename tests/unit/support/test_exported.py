from prometheus_client import CollectorRegistry, Counter, generate_latest

from penstock_contracts import metric_names
from penstock_model_store.telemetry import ModelStoreTelemetry
from penstock_testing.exported import differences


def exported(registry: CollectorRegistry) -> str:
    return generate_latest(registry).decode()


def of_the_store() -> tuple[CollectorRegistry, ModelStoreTelemetry]:
    registry = CollectorRegistry()
    return registry, ModelStoreTelemetry(registry)


def test_a_part_that_exports_what_is_declared_has_no_difference() -> None:
    registry, _ = of_the_store()
    assert differences(exported(registry), "model-store") == []


def test_a_series_that_nobody_declared_and_one_that_nobody_exports_are_found() -> None:
    registry, telemetry = of_the_store()
    Counter("penstock_store_secret", "meaning", registry=registry)
    registry.unregister(telemetry._removed)
    assert differences(exported(registry), "model-store") == [
        f"declared, not exported: {metric_names.STORE_REMOVED.name}",
        "exported, not declared: penstock_store_secret_total",
    ]


def test_another_label_is_found() -> None:
    registry, _ = of_the_store()
    text = exported(registry) + '# TYPE penstock_store_digests gauge\npenstock_store_digests{pod="a"} 1\n'
    assert "has the labels ['pod']" in differences(text, "model-store")[0]
