"""What helm, Flux and their kin take a ModelDeployment for, by kstatus' own library."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest
from testcluster import go_toolchain, versions

from penstock_testing.cluster import CommandError, Object
from penstock_testing.kstatus import Kstatus, built
from penstock_testing.model_deployments import model_deployment
from penstock_testing.platform import wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.status_watch import ObjectWatch
from penstock_testing.strategies import BRIEF, canary, pause, weight


@pytest.fixture(scope="module")
def kstatus() -> Kstatus:
    return built(go_toolchain.find(versions.read()))


@contextmanager
def watched(scene: RolloutScene) -> Iterator[list[Object]]:
    """Every state of the test's resource from the one it has now, in its order."""
    states: list[Object] = []
    with ObjectWatch(scene.platform.cluster, scene.namespace, "model", states.append):
        wait_for("a first state", lambda: states or None, seconds=30)
        yield states


def course(kstatus: Kstatus, states: list[Object]) -> list[str]:
    """What kstatus said, each word once for as long as it held."""
    return [word for word, _ in groupby(kstatus.of(states))]


def test_a_resource_that_no_controller_has_seen_is_in_progress(kstatus: Kstatus, scene: RolloutScene) -> None:
    """As the API server answers the one who made it: before any status was written, it is not done."""
    text = json.dumps(model_deployment("model", scene.namespace, "of-no-registry"))
    made = json.loads(scene.platform.cluster.kubectl("create", "-f", "-", "-o", "json", stdin=text))
    assert "phase" not in made["status"]
    assert kstatus.of([made]) == ["InProgress"]


def test_in_progress_until_it_serves_over_a_promotion_and_failed_after_a_rollback(
    kstatus: Kstatus, scene: RolloutScene
) -> None:
    steps = canary(weight(50), pause(1)) | {"predictor": BRIEF}
    first, second = scene.register(1.0), scene.register(2.0)
    scene.move(first)
    scene.platform.cluster.apply(model_deployment("model", scene.namespace, scene.model, **steps))
    deployed = scene.deployed()
    with watched(scene) as states:
        deployed.wait_ready()
        deployed.wait_settled()
    assert course(kstatus, states) == ["InProgress", "Current"]

    with watched(scene) as states:
        scene.move(second)
        deployed.wait_for_version(second)
        deployed.wait_settled()
    assert course(kstatus, states) == ["Current", "InProgress", "Current"]

    with watched(scene) as states:
        deployed.edit(progressDeadline="10s", predictor={"resources": {"requests": {"cpu": "900"}}})
        deployed.wait_until("it went back", _is_stalled)
        deployed.wait_settled()
    assert course(kstatus, states) == ["Current", "InProgress", "Failed"]


def _is_stalled(status: Object) -> bool:
    return any(item["type"] == "Stalled" and item["status"] == "True" for item in status.get("conditions", []))


def chart_of(resource: Object, folder: Path) -> Path:
    """A chart of a user's with this resource in it, and nothing else."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    (folder / "Chart.yaml").write_text("{apiVersion: v2, name: models, version: 1.0.0}")
    (folder / "templates" / "model.yaml").write_text(json.dumps(resource))
    return folder


def test_helm_waits_until_it_serves_and_tells_of_a_rollback(scene: RolloutScene) -> None:
    """helm 4 judges by kstatus."""
    scene.move(scene.register(1.0))
    install = ("upgrade", "--install", "models", "-n", scene.namespace, "--wait")
    resource = model_deployment("model", scene.namespace, scene.model)
    scene.platform.cluster.helm(*install, "--timeout=120s", str(chart_of(resource, scene.folder / "chart")))
    assert scene.deployed().condition("Ready")["status"] == "True"
    scene.deployed().wait_settled()

    resource["spec"] |= {"progressDeadline": "10s", "predictor": {"resources": {"requests": {"cpu": "900"}}}}
    with pytest.raises(CommandError, match="model"):
        scene.platform.cluster.helm(*install, "--timeout=60s", str(chart_of(resource, scene.folder / "chart")))
    assert scene.deployed().condition("Stalled")["reason"] == "RolledBack"
    assert scene.deployed().condition("Ready")["status"] == "True"
