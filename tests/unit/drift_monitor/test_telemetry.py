"""Counters that stand at 0 before anything is counted, and nothing of a resource that is forgotten."""

from prometheus_client import CollectorRegistry

from penstock_contracts.build import VERSION
from penstock_contracts.drift import DriftReason, DriftReport, DriftVerdict
from penstock_contracts.labels import LabelOutcome
from penstock_drift_monitor.telemetry import DriftMonitorTelemetry

Series = dict[tuple[str, ...], float]


def counted(metrics: CollectorRegistry, **labels: str) -> Series:
    """The counters with these labels: name and other labels, to the count."""
    return {
        (sample.name, *(value for label, value in sample.labels.items() if label not in labels)): sample.value
        for family in metrics.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels.items() >= labels.items()
    }


def watched(telemetry: DriftMonitorTelemetry, name: str) -> None:
    """The controller asks about a resource of which nothing is known."""
    report = DriftReport(
        namespace="payments",
        name=name,
        verdict=DriftVerdict.INCONCLUSIVE,
        dataset_drift=None,
        reason=DriftReason.INSUFFICIENT_DATA,
        message="nothing has come yet",
    )
    telemetry.found(report)


def test_each_outcome_of_a_batch_stands_at_0() -> None:
    metrics = CollectorRegistry()
    DriftMonitorTelemetry(metrics)
    outcomes = {key[1]: value for key, value in counted(metrics).items() if key[0] == "penstock_monitor_batches_total"}
    assert outcomes == dict.fromkeys(("kept", "repeated", "unreadable", "refused"), 0)


def test_a_watched_resource_has_its_counters_before_the_first_row_and_label() -> None:
    metrics = CollectorRegistry()
    telemetry = DriftMonitorTelemetry(metrics)
    watched(telemetry, "fraud")
    begun = counted(metrics, namespace="payments", name="fraud")
    assert set(begun.values()) == {0}
    telemetry.rows_came("payments", "fraud", rows=3, unnamed=0, dropped=1)
    telemetry.labels_came("payments", "fraud", LabelOutcome(joined=2, conflicting=1))
    assert {key: value for key, value in counted(metrics, namespace="payments", name="fraud").items() if value} == {
        ("penstock_monitor_rows_total",): 3,
        ("penstock_monitor_rows_dropped_total",): 1,
        ("penstock_monitor_labels_total", "joined"): 2,
        ("penstock_monitor_labels_total", "conflicting"): 1,
    }
    assert counted(metrics, namespace="payments", name="fraud").keys() == begun.keys()


def test_a_forgotten_resource_has_no_counters_and_others_keep_theirs() -> None:
    metrics = CollectorRegistry()
    telemetry = DriftMonitorTelemetry(metrics)
    for name in ("fraud", "churn"):
        watched(telemetry, name)
        telemetry.rows_came("payments", name, rows=1, unnamed=0, dropped=0)
    telemetry.forget("payments", "fraud")
    telemetry.forget("payments", "unknown")
    assert counted(metrics, namespace="payments", name="fraud") == {}
    assert counted(metrics, namespace="payments", name="churn")["penstock_monitor_rows_total",] == 1


def test_the_build_is_told() -> None:
    metrics = CollectorRegistry()
    DriftMonitorTelemetry(metrics)
    (build,) = (family for family in metrics.collect() if family.name == "penstock_build_info")
    (sample,) = build.samples
    assert (sample.labels["part"], sample.labels["version"], sample.value) == ("drift-monitor", VERSION, 1)
