"""Whom the administrator has told: the controller understands it, and may read these Secrets and no others."""

import json

import pytest

from penstock_controller.settings import ControllerSettings
from penstock_testing.chart import Chart, RefusedError, Rendered

OPS = ("notify[0].name=ops", "notify[0].type=slack", "notify[0].secretRef.name=slack-ops", "notify[0].severity=warn")
PAGER = ("notify[1].name=pager", "notify[1].type=webhook", "notify[1].secretRef.name=pager")


def variables(rendered: Rendered) -> dict[str, str]:
    return {one["name"]: one["value"] for one in rendered.containers()["controller/controller"]["env"]}


def test_nobody_is_told_by_default_and_no_secret_may_be_read(defaults: Rendered) -> None:
    assert {"PENSTOCK_NOTIFY", "PENSTOCK_MONITOR_PAGES"}.isdisjoint(variables(defaults))
    rules = [rule for role in defaults.of("Role", "ClusterRole") for rule in role["rules"]]
    assert not [rule for rule in rules if "secrets" in rule["resources"]]


def test_the_controller_is_told_whom_and_may_read_their_secrets_by_name(
    chart: Chart, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered = chart.render(*OPS, *PAGER, "prometheus.rules.monitorBase=https://monitor.example")
    for name, value in variables(rendered).items():
        monkeypatch.setenv(name, value)
    settings = ControllerSettings()
    assert [(item.name, item.secret_ref.name, item.severity) for item in settings.notify] == [
        ("ops", "slack-ops", "warn"),
        ("pager", "pager", "info"),
    ]
    assert settings.monitor_pages == "https://monitor.example"
    json.dumps(settings.model_dump(mode="json"))
    rules = [rule for role in rendered.of("Role", "ClusterRole") for rule in role["rules"]]
    (secrets,) = [rule for rule in rules if "secrets" in rule["resources"]]
    assert (secrets["verbs"], secrets["resourceNames"]) == (["get"], ["slack-ops", "pager"])


def test_two_of_one_name_are_refused_when_the_controller_starts(chart: Chart, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = chart.render(*OPS, *(setting.replace("pager", "ops", 1) for setting in PAGER))
    for name, value in variables(rendered).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="once only"):
        ControllerSettings()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ((*OPS, "notify[0].type=rocket"), "/notify/0/type"),
        ((*OPS, "notify[0].address=https://hooks.slack.com/x"), "'address' not allowed"),
        (OPS[:2], "secretRef"),
    ],
)
def test_a_mistake_is_refused_by_name(chart: Chart, settings: tuple[str, ...], told: str) -> None:
    with pytest.raises(RefusedError, match=told):
        chart.render(*settings)
