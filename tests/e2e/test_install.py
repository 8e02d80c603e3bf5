"""Installed from what is published, on a machine that has no clone: pip, helm, kubectl and the plugin."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from penstock_contracts.names import GROUP, PLURAL
from penstock_testing.clean_machine import CleanMachine, wheelhouse
from penstock_testing.lanes import EndToEndRun
from penstock_testing.model_deployments import model_deployment
from penstock_testing.platform import NAMESPACE, RELEASE, ROOT, Platform
from penstock_testing.scenes import RolloutScene

from .published_release import PublishedRelease, publish

pytestmark = [pytest.mark.alone, pytest.mark.timeout(1800)]
RECORD = ROOT / "build" / "clean-install.json"
"""Seconds of each step."""
VALUES = """
global: {{imageRegistry: {images}}}
gateway: {{service: {{type: NodePort}}}}
modelStore: {{storage: 2Gi}}
driftMonitor: {{storage: 1Gi}}
"""


@pytest.fixture
def bare(platform: Platform) -> Iterator[Platform]:
    """A cluster without Penstock and without its CRD; afterwards it has the installation from before."""
    values, began = platform.values(), time.time()
    platform.uninstall()
    platform.cluster.kubectl("delete", "crd", f"{PLURAL}.{GROUP}", "--timeout=60s")
    try:
        yield platform
    finally:
        platform.cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found", "--wait")
        platform.restore(values)
        EndToEndRun.from_environment().release_was_away(began, time.time())


@pytest.fixture
def published(platform: Platform, tmp_path: Path) -> PublishedRelease:
    return publish(platform.cluster, f"install-{uuid4().hex[:8]}", tmp_path / "wheels")


@pytest.fixture
def machine(platform: Platform, tmp_path: Path) -> CleanMachine:
    """It has kubectl and helm, and a kubeconfig."""
    machine = CleanMachine(tmp_path / "machine")
    (machine.folder / ".kube").mkdir(parents=True)
    machine.provide(kubectl=platform.cluster.kubectl_path, helm=platform.cluster.helm_path)
    config = platform.cluster.kubectl("config", "view", "--raw", "--minify", "--flatten")
    (machine.folder / ".kube" / "config").write_text(config)
    return machine


def test_wheels_and_chart_are_installed_and_a_model_is_served_with_no_clone_in_reach(
    scene: RolloutScene, bare: Platform, published: PublishedRelease, machine: CleanMachine
) -> None:
    scene.move(scene.register(1.0))
    took: dict[str, float] = {}
    third_party = wheelhouse("cli", "predictor")
    began = time.monotonic()

    def lap(step: str) -> None:
        took[step] = round(time.monotonic() - began - sum(took.values()), 1)

    machine.install("penstock-cli", "penstock-predictor", folders=(published.wheels, third_party))
    lap("pip install")

    (machine.folder / "values.yaml").write_text(VALUES.format(images=published.images))
    where = ["--namespace", NAMESPACE, "--create-namespace", *(["--plain-http"] if published.plain_http else [])]
    chart = [published.chart, "--version", published.version, "--values", "values.yaml", "--wait"]
    machine.run("helm", "install", RELEASE, *chart, *where, seconds=600)
    lap("helm install")

    resource = model_deployment("model", scene.namespace, scene.model)
    machine.run("kubectl", "apply", "--validate=strict", "-f", "-", stdin=json.dumps(resource))
    ready = ["modeldeployment/model", "--for=condition=Ready", "--timeout=120s", "-n", scene.namespace]
    machine.run("kubectl", "wait", *ready, seconds=130)
    address = f"{bare.gateway().url}/{scene.namespace}/model/predict"
    answer = machine.run("curl", "--silent", "--fail-with-body", address, "--json", '{"features": [1, 2]}')
    lap("first prediction")

    assert json.loads(answer)["model_name"] == "model"
    (listed,) = json.loads(machine.run("kubectl", "penstock", "get", "-n", scene.namespace, "-o", "json"))
    assert listed["name"] == "model"
    pods = bare.cluster.items("pods", NAMESPACE) + bare.cluster.items("pods", scene.namespace)
    images = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
    parts = ("controller", "gateway", "model-store", "drift-monitor", "predictor")
    assert images == {f"{published.images}/penstock/{part}:{published.version}" for part in parts}
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(took | {"all": round(time.monotonic() - began, 1)}) + "\n")
