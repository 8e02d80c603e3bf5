"""The registry and the drift monitor are gone for minutes, at rest and in a rollout: users notice nothing."""

import time
from contextlib import ExitStack

import pytest

from penstock_testing import faults
from penstock_testing.cluster import Object
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps
from penstock_testing.trained import trained_on

pytestmark = [pytest.mark.alone, pytest.mark.deep]

OUTAGE = 300.0
RECORDED: Object = {"predictor": {"minReplicas": 1, "logger": {"mode": "all"}}}
MONITOR = ("statefulset", "penstock-drift-monitor", NAMESPACE, "app.kubernetes.io/component=drift-monitor")
MLFLOW = ("deployment", "mlflow", MLFLOW_NAMESPACE, "app.kubernetes.io/name=mlflow")


PARTS = (MONITOR, MLFLOW)
CONDITIONS = ("MonitorReachable", "RegistryReachable")


@pytest.mark.timeout(1500)
def test_registry_and_monitor_away_for_minutes_are_told_and_cost_no_request_and_come_back_without_a_hand(
    scene: RolloutScene,
) -> None:
    questions = scene.questions()
    first, second = (scene.register(trained_on(questions, intercept)) for intercept in (16.0, 17.0))
    scene.move(first)
    drift = {"period": "0s", "interval": "1s"}
    deployed = scene.serve(**GATED, **by_steps(3, (25, 50)), **RECORDED, drift=drift)

    def all_say(status: str) -> bool:
        return all(deployed.condition(kind).get("status") == status for kind in CONDITIONS)

    def stay_away() -> None:
        with ExitStack() as away:
            for kind, name, namespace, pods in PARTS:
                away.enter_context(faults.scaled_to_zero(scene.platform.cluster, name, namespace, pods, kind=kind))
            since = time.monotonic()
            deployed.wait_until("told", lambda _: all_say("False"))
            time.sleep(max(0.0, since + OUTAGE - time.monotonic()))
        deployed.wait_until("back", lambda _: all_say("True"))
        deployed.wait_until("judged", lambda _: deployed.condition("DriftDetected").get("reason") == "NoDrift")

    with scene.traffic(scene.expectation(first, second), rate=30.0, seconds=1300.0) as run:
        deployed.wait_until("judged", lambda _: deployed.condition("DriftDetected").get("reason") == "NoDrift")
        stay_away()
        scene.move(second)
        deployed.wait_for_weight(second, 25)
        stay_away()
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    print(result.describe())
    result.assert_none_failed()
    assert record["completion"] == "Promoted"
