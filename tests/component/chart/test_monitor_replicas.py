"""Several replicas of the drift monitor: what is rendered, and that those who speak to them are told the same."""

from typing import Any

import pytest

from penstock_contracts.monitor_replicas import MAX_REPLICAS, MonitorReplicas
from penstock_drift_monitor.replicas.share import ReplicaShare
from penstock_drift_monitor.settings import DriftMonitorSettings
from penstock_testing.chart import Chart, RefusedError, Rendered

THREE = ("driftMonitor.replicas=3", "networkPolicies.enabled=true")
NAMES = [f"penstock-drift-monitor-{number}" for number in range(3)]
MONITOR, CONTROLLER = "drift-monitor/drift-monitor", "controller/controller"


@pytest.fixture(scope="module")
def three(chart: Chart) -> Rendered:
    return chart.render(*THREE)


def told(rendered: Rendered, container: str) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in rendered.containers()[container]["env"]}


def own_services(rendered: Rendered) -> dict[str, Any]:
    return {
        item["metadata"]["name"]: item["spec"]
        for item in rendered.of("Service")
        if "statefulset.kubernetes.io/pod-name" in item["spec"]["selector"]
    }


def test_one_replica_is_told_of_no_other_and_has_its_one_service(chart: Chart, defaults: Rendered) -> None:
    assert not {"PENSTOCK_REPLICA", "PENSTOCK_REPLICAS"} & told(defaults, MONITOR).keys()
    assert "PENSTOCK_MONITOR_REPLICAS" not in told(defaults, CONTROLLER)
    assert own_services(defaults) == {}
    assert chart.render("driftMonitor.replicas=1").objects == defaults.objects


def test_controller_and_replicas_are_told_the_same_addresses_and_each_is_a_pods_own_service(three: Rendered) -> None:
    addresses = told(three, MONITOR)["PENSTOCK_REPLICAS"]
    assert told(three, CONTROLLER)["PENSTOCK_MONITOR_REPLICAS"] == addresses
    assert told(three, CONTROLLER)["PENSTOCK_MONITOR_URL"] == "http://penstock-drift-monitor.penstock-system.svc:8080"
    found = MonitorReplicas.parsed(addresses)
    assert [replica.name for replica in found.members] == NAMES
    assert [replica.url for replica in found.members] == [f"http://{name}.penstock-system.svc:8080" for name in NAMES]
    assert told(three, MONITOR)["PENSTOCK_REPLICA"] == {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
    assert all(ReplicaShare.of(name, addresses) for name in NAMES)
    assert {"replica", "replicas"} <= DriftMonitorSettings.model_fields.keys()
    services = own_services(three)
    assert list(services) == NAMES
    for name, service in services.items():
        assert service["clusterIP"] == "None"
        assert service["selector"]["statefulset.kubernetes.io/pod-name"] == name
        assert [port["port"] for port in service["ports"]] == [8080]


def test_what_cannot_be_changed_of_a_statefulset_is_the_same_for_one_and_for_three(
    defaults: Rendered, three: Rendered
) -> None:
    """An installation goes from one to three by an upgrade: the API server lets only these fields change."""
    before, after = (dict(each.one("StatefulSet", "penstock-drift-monitor")["spec"]) for each in (defaults, three))
    assert (before.pop("replicas"), after.pop("replicas")) == (1, 3)
    assert before.pop("template") != after.pop("template")
    assert before == after


def test_a_drain_takes_one_at_a_time_and_they_are_spread_and_may_speak_to_each_other(three: Rendered) -> None:
    budget = three.one("PodDisruptionBudget", "penstock-drift-monitor")["spec"]
    assert budget["maxUnavailable"] == 1
    selector = {"app.kubernetes.io/component": "drift-monitor"}.items()
    assert selector <= budget["selector"]["matchLabels"].items()
    (spread,) = three.pods()["drift-monitor"]["spec"]["topologySpreadConstraints"]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")
    assert selector <= spread["labelSelector"]["matchLabels"].items()
    (rule,) = three.one("NetworkPolicy", "penstock-drift-monitor")["spec"]["ingress"]
    pods = [peer["podSelector"].get("matchLabels", {}).items() for peer in rule["from"] if "podSelector" in peer]
    assert any(selector <= labels for labels in pods)


def test_an_administrators_own_spread_goes_before_ours(chart: Chart) -> None:
    own = "driftMonitor.topologySpreadConstraints[0]"
    rendered = chart.render(
        "driftMonitor.replicas=2",
        f"{own}.topologyKey=zone",
        f"{own}.maxSkew=1",
        f"{own}.whenUnsatisfiable=DoNotSchedule",
    )
    (spread,) = rendered.pods()["drift-monitor"]["spec"]["topologySpreadConstraints"]
    assert spread["topologyKey"] == "zone"


def test_each_pod_is_scraped_once(chart: Chart) -> None:
    rendered = chart.render(*THREE, "prometheus.serviceMonitor.enabled=true")
    wanted = rendered.one("ServiceMonitor", "penstock-drift-monitor")["spec"]["selector"]["matchLabels"].items()
    chosen = [
        each["metadata"]["name"] for each in rendered.of("Service") if wanted <= each["metadata"]["labels"].items()
    ]
    assert chosen == ["penstock-drift-monitor"]


@pytest.mark.parametrize("number", [0, MAX_REPLICAS + 1, "many"])
def test_a_number_of_replicas_that_makes_no_sense_is_refused(chart: Chart, number: object) -> None:
    with pytest.raises(RefusedError, match="/driftMonitor/replicas"):
        chart.render(f"driftMonitor.replicas={number}")


def test_without_a_monitor_its_number_makes_nothing(chart: Chart) -> None:
    rendered = chart.render(*THREE, "driftMonitor.enabled=false")
    assert "drift-monitor" not in str([item["metadata"]["name"] for item in rendered.objects])
    assert "PENSTOCK_MONITOR_REPLICAS" not in told(rendered, CONTROLLER)
