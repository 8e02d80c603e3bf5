"""The alert that the demo's drift raises: the chart's own rules, in a real Prometheus that scrapes the cluster."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock_testing.chart import Chart, find_helm
from penstock_testing.cluster import Object
from penstock_testing.platform import Platform, wait_for
from penstock_testing.prometheus_server import PrometheusServer, debians

FIRES_AFTER = "15s"
"""Instead of the rule's minutes: the demo's drift is over before them."""
_ALERT = "PenstockDatasetDrift"


class DemoAlerts:
    """Asks Prometheus for the alert of drift of a model."""

    def __init__(self, server: PrometheusServer | None, namespace: str, name: str) -> None:
        self._server, self._namespace, self._name = server, namespace, name

    def fired(self) -> Object | None:
        """Wait until it fires; answers its labels and annotations. None: there is no Prometheus here."""
        return wait_for(f"the alert {_ALERT}", self._firing, seconds=120, pause=1.0) if self._server else None

    def _firing(self) -> Object | None:
        rules = self._server.rules() if self._server else []
        for alert in (alert for rule in rules if rule["name"] == _ALERT for alert in rule["alerts"]):
            labels = alert["labels"]
            if alert["state"] == "firing" and (labels["namespace"], labels["name"]) == (self._namespace, self._name):
                return {"labels": labels, "annotations": alert["annotations"], "since": alert["activeAt"]}
        return None


@contextmanager
def demo_alerts(platform: Platform, namespace: str, name: str, folder: Path) -> Iterator[DemoAlerts]:
    """Prometheus runs from entering to leaving, where this machine has one or Debian's can be fetched."""
    try:
        debians("prometheus")
    except (OSError, subprocess.SubprocessError):
        yield DemoAlerts(None, namespace, name)
        return
    rendered = Chart(find_helm()).render(
        "prometheus.serviceMonitor.enabled=true",
        "prometheus.rules.enabled=true",
        f"prometheus.rules.monitorBase={platform.monitor().url}",
    )
    rules = rendered.of("PrometheusRule")
    for rule in (rule for item in rules for group in item["spec"]["groups"] for rule in group["rules"]):
        if rule.get("alert") == _ALERT:
            rule["for"] = FIRES_AFTER
    monitors = rendered.of("ServiceMonitor", "PodMonitor")
    shutil.rmtree(folder, ignore_errors=True)  # an earlier demo's
    with PrometheusServer(platform.cluster, monitors=monitors, rules=rules, folder=folder, interval="2s") as server:
        yield DemoAlerts(server, namespace, name)
