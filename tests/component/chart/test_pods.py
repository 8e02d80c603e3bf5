"""What runs: restricted, bounded, told the settings it knows, restarted when its configuration changes."""

from typing import Any

import pytest
from pydantic_settings import BaseSettings

from penstock_contracts.names import GATEWAY_REPLAY_PORT
from penstock_controller.settings import ControllerSettings
from penstock_drift_monitor.settings import DriftMonitorSettings
from penstock_gateway.settings import GatewaySettings
from penstock_model_store.settings import ModelStoreSettings
from penstock_testing.chart import Chart, Rendered

COMPONENTS = {"controller", "gateway", "model-store", "drift-monitor"}
CONTAINERS = {
    "controller/controller",
    "gateway/agent",
    "gateway/envoy",
    "model-store/model-store",
    "drift-monitor/drift-monitor",
}
RESTRICTED_VOLUMES = {
    "configMap",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def test_the_chart_runs_four_parts(defaults: Rendered) -> None:
    assert set(defaults.pods()) == COMPONENTS
    assert set(defaults.containers()) == CONTAINERS


@pytest.mark.parametrize("component", sorted(COMPONENTS))
def test_a_pod_passes_pod_security_restricted(defaults: Rendered, component: str) -> None:
    spec = defaults.pods()[component]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 65532
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= RESTRICTED_VOLUMES


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_a_container_has_no_privilege_and_writes_to_volumes_only(defaults: Rendered, name: str) -> None:
    container = defaults.containers()[name]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]
    assert all("hostPort" not in port for port in container["ports"])


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_a_container_says_what_it_needs_and_is_asked_whether_it_is_ready(defaults: Rendered, name: str) -> None:
    container = defaults.containers()[name]
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]
    assert container["readinessProbe"]["httpGet"]["port"] in [port["name"] for port in container["ports"]]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("controller/controller", ControllerSettings),
        ("gateway/agent", GatewaySettings),
        ("gateway/envoy", GatewaySettings),
        ("model-store/model-store", ModelStoreSettings),
        ("drift-monitor/drift-monitor", DriftMonitorSettings),
    ],
)
def test_a_container_is_told_only_settings_that_its_program_knows(
    defaults: Rendered, name: str, settings: type[BaseSettings]
) -> None:
    prefix = settings.model_config["env_prefix"]
    fields = settings.model_fields.items()
    known = {str(field.validation_alias or f"{prefix}{field_name}").upper() for field_name, field in fields}
    told = {variable["name"] for variable in defaults.containers()[name]["env"]}
    assert told <= known
    required = {f"{prefix}{field_name}".upper() for field_name, field in fields if field.is_required()}
    assert required <= told


def test_the_gateways_two_containers_are_told_the_same(defaults: Rendered) -> None:
    containers = defaults.containers()
    assert containers["gateway/agent"]["env"] == containers["gateway/envoy"]["env"]


def test_one_controller_and_one_store_run_at_most(defaults: Rendered) -> None:
    controller = defaults.one("Deployment", "penstock-controller")["spec"]
    assert (controller["replicas"], controller["strategy"]) == (1, {"type": "Recreate"})
    store = defaults.one("StatefulSet", "penstock-model-store")["spec"]
    assert store["replicas"] == 1
    assert store["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"


def test_one_monitor_runs_at_most_and_its_records_go_with_the_release_unless_they_are_kept(chart: Chart) -> None:
    def monitor(*settings: str) -> dict[str, Any]:
        return dict(chart.render(*settings).one("StatefulSet", "penstock-drift-monitor")["spec"])

    assert monitor()["replicas"] == 1
    assert monitor()["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
    kept = monitor("driftMonitor.keepVolume=true")["persistentVolumeClaimRetentionPolicy"]
    assert kept["whenDeleted"] == "Retain"


def test_without_a_monitor_nothing_of_it_is_there_and_the_controller_is_told_of_none(chart: Chart) -> None:
    rendered = chart.render("driftMonitor.enabled=false", "networkPolicies.enabled=true")
    assert set(rendered.pods()) == COMPONENTS - {"drift-monitor"}
    assert "drift-monitor" not in str([item["metadata"]["name"] for item in rendered.objects])
    told = {variable["name"] for variable in rendered.containers()["controller/controller"]["env"]}
    assert "PENSTOCK_MONITOR_URL" not in told


def test_the_gateway_keeps_its_capacity_in_an_upgrade_and_drains(chart: Chart) -> None:
    rendered = chart.render("gateway.drainSeconds=40")
    gateway = rendered.one("Deployment", "penstock-gateway")["spec"]
    assert gateway["replicas"] == 2
    assert gateway["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert rendered.containers()["gateway/envoy"]["lifecycle"]["preStop"] == {"sleep": {"seconds": 40}}
    assert gateway["template"]["spec"]["terminationGracePeriodSeconds"] > 40


def test_one_of_several_gateways_is_kept_in_a_drain_of_nodes_and_a_single_one_does_not_block_it(chart: Chart) -> None:
    (budget,) = chart.render().of("PodDisruptionBudget")
    assert budget["spec"]["minAvailable"] == 1
    assert budget["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
    assert chart.render("gateway.replicas=1").of("PodDisruptionBudget") == []


def test_selectors_name_their_own_pods_only(defaults: Rendered) -> None:
    pods = {name: pod["metadata"]["labels"] for name, pod in defaults.pods().items()}

    def chosen(selector: dict[str, str]) -> list[str]:
        return [name for name, labels in pods.items() if selector.items() <= labels.items()]

    workloads = defaults.of("Deployment", "StatefulSet")
    assert [chosen(item["spec"]["selector"]["matchLabels"]) for item in workloads] == [
        [item["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]] for item in workloads
    ]
    services = {item["metadata"]["name"]: chosen(item["spec"]["selector"]) for item in defaults.of("Service")}
    assert services == {
        "penstock-drift-monitor": ["drift-monitor"],
        "penstock-gateway": ["gateway"],
        "penstock-gateway-replay": ["gateway"],
        "penstock-model-store": ["model-store"],
    }


def test_recorded_requests_have_a_way_only_where_there_is_a_monitor(chart: Chart, defaults: Rendered) -> None:
    (told,) = (
        variable["value"]
        for variable in defaults.containers()["drift-monitor/drift-monitor"]["env"]
        if variable["name"] == "PENSTOCK_REPLAY_URL"
    )
    service = defaults.one("Service", "penstock-gateway-replay")
    (port,) = service["spec"]["ports"]
    assert told == f"http://penstock-gateway-replay.{service['metadata']['namespace']}.svc:{port['port']}"
    ports = {port["name"]: port["containerPort"] for port in defaults.containers()["gateway/envoy"]["ports"]}
    assert (port["targetPort"], ports["replay"]) == ("replay", GATEWAY_REPLAY_PORT)
    names = [item["metadata"]["name"] for item in chart.render("driftMonitor.enabled=false").of("Service")]
    assert "penstock-gateway-replay" not in names


def test_a_change_of_the_registries_restarts_those_that_read_them_and_no_other(chart: Chart) -> None:
    def templates(*settings: str) -> dict[str, Any]:
        return chart.render(*settings).pods()

    before, after = templates(), templates("registries.second.uri=http://mlflow.second")
    assert {name for name in before if before[name] != after[name]} == {"controller", "model-store"}


def test_only_those_that_ask_the_api_server_have_a_token(defaults: Rendered) -> None:
    automounted = {
        component for component, pod in defaults.pods().items() if pod["spec"].get("automountServiceAccountToken", True)
    }
    assert automounted == {"controller"}  # of one container
    projected = {
        name
        for name, container in defaults.containers().items()
        if any("serviceaccount" in mount["mountPath"] for mount in container["volumeMounts"])
    }
    assert projected == {"gateway/agent"}


def test_credentials_reach_the_controller_and_the_store_only(chart: Chart) -> None:
    rendered = chart.render("registryCredentialsSecret=mlflow-login")
    reads = {name for name, container in rendered.containers().items() if "mlflow-login" in str(container)}
    assert reads == {"model-store/model-store"}
    mounts = {name for name, pod in rendered.pods().items() if "mlflow-login" in str(pod["spec"].get("volumes"))}
    assert mounts == {"controller"}
    assert all("envFrom" not in container for container in chart.render().containers().values())


def test_two_renderings_are_equal_to_the_byte(chart: Chart, defaults: Rendered) -> None:
    assert chart.render().text == defaults.text


def test_every_object_says_which_release_it_belongs_to(chart: Chart) -> None:
    rendered = chart.render("crds.enabled=false", release="other", namespace="elsewhere")
    for item in rendered.objects:
        assert item["metadata"]["labels"]["app.kubernetes.io/name"] == "penstock"
        assert item["metadata"]["labels"]["app.kubernetes.io/instance"] == "other"
        assert item["metadata"].get("namespace", "elsewhere") == "elsewhere"
        assert "other" in item["metadata"]["name"]
