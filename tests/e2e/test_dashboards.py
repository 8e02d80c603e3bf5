"""A real Prometheus scrapes what the chart's monitors name while a model is rolled out, recorded and labelled."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock_testing.chart import Chart, find_helm
from penstock_testing.dashboard import FOLDER, AskedDashboard
from penstock_testing.platform import ROOT, wait_for
from penstock_testing.prometheus_server import PrometheusServer
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps
from penstock_testing.trained import trained_on
from penstock_testing.truth import Truth

MONITORING = (
    "prometheus.serviceMonitor.enabled=true",
    "prometheus.rules.enabled=true",
    "prometheus.rules.runbookBase=https://git.example.com/alerts.md",
)
PICTURES = ROOT / "build" / "dashboards"


@pytest.fixture
def prometheus(scene: RolloutScene, tmp_path: Path) -> Iterator[PrometheusServer]:
    rendered = Chart(find_helm()).render(*MONITORING)
    with PrometheusServer(
        scene.platform.cluster,
        monitors=rendered.of("ServiceMonitor", "PodMonitor"),
        rules=rendered.of("PrometheusRule"),
        folder=tmp_path / "prometheus",
    ) as server:
        yield server


def seen(prometheus: PrometheusServer, scene: RolloutScene, began: float) -> bool | None:
    """Whether the last of the series to begin is there."""
    query = f'penstock_monitor_quality{{namespace="{scene.namespace}"}}'
    return bool(prometheus.course(query, start=began, end=time.time())) or None


def test_every_panel_of_every_dashboard_has_points_and_every_rule_is_evaluated(
    scene: RolloutScene, prometheus: PrometheusServer
) -> None:
    questions = scene.questions()
    first, second = (scene.register(trained_on(questions, intercept)) for intercept in (14.0, 15.0))
    scene.move(first)
    began = time.time()
    deployed = scene.serve(
        **GATED,
        **by_steps(1, (50,)),
        predictor={"minReplicas": 1, "logger": {"mode": "all"}},
        drift={"period": "0s", "interval": "1s"},
    )
    deployed.wait_settled()
    with scene.traffic(scene.expectation(first, second, questions=questions), rate=100.0) as run:
        labels = Truth(
            scene.platform.monitor().url,
            scene.namespace,
            "model",
            recording=run.plan.recording,
            labels=[number % 2 for number, _ in enumerate(questions)],
            late_by=0.5,
        )
        with labels:
            deployed.wait_until("drift is looked for", lambda _: deployed.condition("DriftDetected").get("status"))
            scene.move(second)
            deployed.wait_for_version(second)
            deployed.wait_settled()
            wait_for("Prometheus has seen quality", lambda: seen(prometheus, scene, began), seconds=60)
        result = run.result()
    result.assert_none_failed()
    jobs = {target["labels"]["job"] for target in prometheus.targets() if target["health"] == "up"}
    assert jobs == {
        f"penstock-{part}" for part in ("controller", "gateway", "model-store", "drift-monitor", "predictor")
    }
    variables = {"__rate_interval": "10s", "namespace": scene.namespace, "name": "model"}
    PICTURES.mkdir(parents=True, exist_ok=True)
    empty = []
    for file in sorted(FOLDER.glob("*.json")):
        dashboard = AskedDashboard(file, prometheus, variables, start=began, end=time.time())
        dashboard.draw(PICTURES / f"{file.stem}.png")
        empty += [
            f"{file.stem}: {panel.title}: {query.expression}"
            for panel in dashboard.panels
            for query in panel.queries
            if not query.points
        ]
    assert empty == []
    assert [rule["lastError"] for rule in prometheus.rules() if rule["health"] != "ok"] == []
    assert scene.namespace in prometheus.values("namespace", "penstock_gateway_requests_total")
