"""One switch for traces: off by default, and told to the gateway and, by the controller, to predictors."""

import re

import pytest

from penstock_controller.settings import ControllerSettings
from penstock_gateway.settings import GatewaySettings
from penstock_testing.chart import Chart, RefusedError, Rendered

ENDPOINT = "http://collector.observability.svc:4318"
ON = ("tracing.enabled=true", f"tracing.endpoint={ENDPOINT}", "tracing.samplingPercentage=0.5")


def told(rendered: Rendered) -> dict[str, dict[str, str]]:
    """Container to what it is told of traces."""
    return {
        name: {one["name"]: one["value"] for one in container["env"] if "TRACING" in one["name"]}
        for name, container in rendered.containers().items()
    }


def test_nobody_is_told_of_traces_by_default(defaults: Rendered, chart: Chart) -> None:
    assert {name: found for name, found in told(defaults).items() if found} == {}
    assert chart.render(*ON[1:]).objects == defaults.objects


def test_gateway_and_controller_are_told_where_traces_go(chart: Chart) -> None:
    found = told(chart.render(*ON))
    gateway = {"PENSTOCK_TRACING_ENDPOINT": ENDPOINT, "PENSTOCK_TRACING_SAMPLING_PERCENTAGE": "0.5"}
    assert {name: variables for name, variables in found.items() if variables} == {
        "controller/controller": {"PENSTOCK_TRACING_ENDPOINT": ENDPOINT},
        "gateway/agent": gateway,
        "gateway/envoy": gateway,
    }
    for settings in (ControllerSettings, GatewaySettings):
        assert "tracing_endpoint" in settings.model_fields


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        (("tracing.enabled=true",), "/tracing/endpoint"),
        (("tracing.endpoint=collector:4318",), "/tracing/endpoint"),
        (("tracing.endpoint=https://collector:4318",), "/tracing/endpoint"),
        (("tracing.samplingPercentage=101",), "/tracing/samplingPercentage"),
    ],
)
def test_a_mistake_is_refused_by_name(chart: Chart, settings: tuple[str, ...], where: str) -> None:
    with pytest.raises(RefusedError, match=re.escape(where)):
        chart.render(*settings)
