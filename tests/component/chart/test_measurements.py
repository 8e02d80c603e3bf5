"""What the administrator lets gates ask, from the chart's values to the controller's settings."""

from typing import Any

import pytest
import yaml

from penstock_controller.settings import MeasurementSettings, OutsideServiceSettings
from penstock_testing.chart import Chart, Rendered

SERVICES = (
    "measurements.prometheus.default.uri=http://prometheus.monitoring:9090",
    "measurements.prometheus.platform.uri=https://mimir.example/prometheus",
    "measurements.prometheus.platform.headersSecret=mimir-headers",
    "measurements.prometheus.platform.timeout=5",
    "measurements.prometheus.platform.namespaces={payments,risk}",
    "measurements.webhooks.soak.uri=http://soak.tools/verdict",
    "measurements.webhooks.soak.headersSecret=soak-token",
    "measurements.allowUrls=true",
)


def controller(rendered: Rendered) -> dict[str, Any]:
    found: dict[str, Any] = rendered.one("Deployment", "penstock-controller")["spec"]["template"]
    return found


def test_nothing_is_mounted_where_nothing_may_be_asked(chart: Chart) -> None:
    rendered = chart.render()
    assert not [one for one in rendered.of("ConfigMap") if one["metadata"]["name"].endswith("-measurements")]
    assert "measurement" not in str(controller(rendered)["spec"])


def test_the_controller_reads_what_the_values_say(chart: Chart) -> None:
    written = chart.render(*SERVICES).one("ConfigMap", "penstock-measurements")["data"]["measurements.yaml"]
    assert MeasurementSettings.model_validate(yaml.safe_load(written)) == MeasurementSettings(
        prometheus={
            "default": OutsideServiceSettings(uri="http://prometheus.monitoring:9090"),
            "platform": OutsideServiceSettings(
                uri="https://mimir.example/prometheus", timeout=5, namespaces=("payments", "risk")
            ),
        },
        webhooks={"soak": OutsideServiceSettings(uri="http://soak.tools/verdict")},
        allow_urls=True,
    )


@pytest.mark.parametrize("setting", SERVICES[:1] + SERVICES[5:6] + SERVICES[7:])
def test_one_of_each_alone_is_enough(chart: Chart, setting: str) -> None:
    written = chart.render(setting).one("ConfigMap", "penstock-measurements")["data"]["measurements.yaml"]
    MeasurementSettings.model_validate(yaml.safe_load(written))


def test_headers_are_files_of_the_controller_and_a_secret_that_is_missing_keeps_it_from_nothing(chart: Chart) -> None:
    spec = controller(chart.render(*SERVICES))["spec"]
    volumes = {volume["name"]: volume.get("secret") for volume in spec["volumes"]}
    mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in spec["containers"][0]["volumeMounts"]}
    headers = {path: secret for path, secret in mounts.items() if "measurement-headers" in path}
    assert headers == {
        "/etc/penstock-measurement-headers/prometheus/platform": {"secretName": "mimir-headers", "optional": True},
        "/etc/penstock-measurement-headers/webhooks/soak": {"secretName": "soak-token", "optional": True},
    }
    assert all(len(name) <= 63 for name in volumes)


def test_another_service_restarts_the_controller(chart: Chart) -> None:
    one, other = (controller(chart.render(*settings)) for settings in (SERVICES[:1], SERVICES[:2]))
    assert one["metadata"]["annotations"] != other["metadata"]["annotations"]
