from prometheus_client import CollectorRegistry

from penstock_contracts.api.status import ModelDeploymentStatus, Phase
from penstock_contracts.build import VERSION
from penstock_contracts.metric_names import METRICS
from penstock_controller.ports import ResourceKey
from penstock_controller.rollout.decision import Announcement
from penstock_controller.telemetry import ControllerTelemetry

KEY, OTHER = ResourceKey("payments", "one"), ResourceKey("payments", "two")
HEALTHY = ModelDeploymentStatus(phase=Phase.HEALTHY)


def resources(metrics: CollectorRegistry, phase: Phase) -> float | None:
    return metrics.get_sample_value("penstock_controller_resources", {"phase": phase.value})


def test_every_phase_is_there_from_the_beginning() -> None:
    metrics = CollectorRegistry()
    ControllerTelemetry(metrics)
    assert {resources(metrics, phase) for phase in Phase} == {0.0}


def test_a_resource_counts_in_the_phase_of_its_last_pass_only() -> None:
    metrics = CollectorRegistry()
    telemetry = ControllerTelemetry(metrics)
    for key, phase in ((KEY, Phase.PENDING), (OTHER, Phase.HEALTHY), (KEY, Phase.HEALTHY), (KEY, Phase.HEALTHY)):
        telemetry.stands(key, ModelDeploymentStatus(phase=phase))
    assert (resources(metrics, Phase.PENDING), resources(metrics, Phase.HEALTHY)) == (0, 2)


def test_a_resource_that_is_gone_counts_nowhere() -> None:
    metrics = CollectorRegistry()
    telemetry = ControllerTelemetry(metrics)
    telemetry.stands(KEY, HEALTHY)
    telemetry.forgotten(KEY)
    telemetry.forgotten(OTHER)
    assert resources(metrics, Phase.HEALTHY) == 0


def test_a_registry_is_reachable_as_its_last_look_up_was() -> None:
    metrics = CollectorRegistry()
    telemetry = ControllerTelemetry(metrics)
    labels = {"registry": "default"}
    assert metrics.get_sample_value("penstock_controller_registry_reachable", labels) is None
    for yes in (True, False):
        telemetry.registry_answers("default", yes=yes)
        assert metrics.get_sample_value("penstock_controller_registry_reachable", labels) == yes


def test_the_queue_is_asked_when_the_metrics_are_read() -> None:
    metrics = CollectorRegistry()
    waiting = [3]
    ControllerTelemetry(metrics).queue_is(lambda: waiting[0])
    assert metrics.get_sample_value("penstock_controller_queue_waiting") == 3
    waiting[0] = 0
    assert metrics.get_sample_value("penstock_controller_queue_waiting") == 0


def ended(metrics: CollectorRegistry, key: ResourceKey) -> float | None:
    labels = {"namespace": key.namespace, "name": key.name, "completion": "Promoted", "reason": "Promoted"}
    return metrics.get_sample_value("penstock_controller_attempts_total", labels)


def test_attempts_are_counted_for_each_resource_until_it_is_gone() -> None:
    metrics = CollectorRegistry()
    telemetry = ControllerTelemetry(metrics)
    told = Announcement(
        type="Normal", reason="Promoted", message="", attempt=1, completion="Promoted", started_at="now"
    )
    for key in (KEY, OTHER, KEY):
        telemetry.announced(key, told)
        telemetry.stands(key, HEALTHY)
    assert (ended(metrics, KEY), ended(metrics, OTHER)) == (2, 1)
    telemetry.forgotten(KEY)
    assert (ended(metrics, KEY), ended(metrics, OTHER)) == (None, 1)


def test_what_is_told_of_training_is_counted_by_its_reason_and_no_attempt() -> None:
    metrics = CollectorRegistry()
    telemetry = ControllerTelemetry(metrics)
    telemetry.trains(KEY)

    def counted(reason: str) -> float | None:
        labels = {"namespace": KEY.namespace, "name": KEY.name, "reason": reason}
        return metrics.get_sample_value("penstock_controller_retraining_total", labels)

    assert (counted("Running"), counted("JobFailed"), counted("Held")) == (0, 0, None)
    for reason in ("Running", "JobFailed", "Held"):
        told = Announcement(type="Normal", reason=reason, message="", attempt=1, of_retraining=True)
        telemetry.announced(KEY, told)
    assert (counted("Running"), counted("JobFailed"), counted("Held")) == (1, 1, 1)
    telemetry.forgotten(KEY)
    assert counted("Running") is None


def counters_of(metrics: CollectorRegistry, key: ResourceKey) -> dict[tuple[str, ...], float]:
    """What is counted of a resource: name and the labels after its own, to the count."""
    own = {"namespace": key.namespace, "name": key.name}
    return {
        (sample.name, *(value for label, value in sample.labels.items() if label not in own)): sample.value
        for family in metrics.collect()
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels.items() >= own.items()
    }


def test_before_its_first_pass_does_anything_a_resources_counters_stand_at_0() -> None:
    metrics = CollectorRegistry()
    telemetry = ControllerTelemetry(metrics)
    telemetry.begins(KEY, generation=1, observed=0)
    telemetry.trains(KEY)
    begun = counters_of(metrics, KEY)
    assert set(begun.values()) == {0}
    assert begun.keys() >= {
        ("penstock_controller_attempts_total", "RolledBack", "GateFailed"),
        ("penstock_controller_attempts_total", "Promoted", "Promoted"),
        ("penstock_controller_refusals_total",),
        ("penstock_controller_action_failures_total", "Refused"),
        ("penstock_controller_retraining_total", "JobFailed"),
    }
    counted = {metric.name for metric in METRICS if metric.labels[:2] == ("namespace", "name")}
    ours = {name for name in counted if name.startswith("penstock_controller_")}
    assert {name for name, *_ in begun} == ours


def test_a_refused_version_and_a_failed_action_are_counted_where_they_happened() -> None:
    metrics = CollectorRegistry()
    telemetry = ControllerTelemetry(metrics)
    for key in (KEY, OTHER):
        telemetry.begins(key, generation=1, observed=1)
    telemetry.announced(KEY, Announcement(type="Warning", reason="PickleOnly", message="", attempt=1, refusal=True))
    telemetry.action_failed(KEY, "Refused")
    changed = {("penstock_controller_refusals_total",), ("penstock_controller_action_failures_total", "Refused")}
    assert {series for series, count in counters_of(metrics, KEY).items() if count} == changed
    assert set(counters_of(metrics, OTHER).values()) == {0}
    telemetry.forgotten(KEY)
    assert counters_of(metrics, KEY) == {}
    telemetry.begins(KEY, generation=1, observed=0)
    assert set(counters_of(metrics, KEY).values()) == {0}, "another of the same name begins anew"


def test_the_build_is_told() -> None:
    metrics = CollectorRegistry()
    ControllerTelemetry(metrics)
    (build,) = (family for family in metrics.collect() if family.name == "penstock_build_info")
    (sample,) = build.samples
    assert (sample.labels["part"], sample.labels["version"], sample.value) == ("controller", VERSION, 1)
