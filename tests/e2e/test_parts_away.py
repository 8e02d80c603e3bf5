"""The registry or the drift monitor is gone for minutes, at rest and in a rollout: users notice nothing."""

import time

import pytest

from penstock_testing import faults
from penstock_testing.cluster import Object
from penstock_testing.platform import MLFLOW_NAMESPACE, NAMESPACE
from penstock_testing.scenes import Scene
from penstock_testing.strategies import GATED, by_steps
from penstock_testing.trained import trained_on

pytestmark = [pytest.mark.alone, pytest.mark.deep]

OUTAGE = 300.0
RECORDED: Object = {"predictor": {"minReplicas": 1, "logger": {"mode": "all"}}}
MONITOR = ("statefulset", "penstock-drift-monitor", NAMESPACE, "app.kubernetes.io/component=drift-monitor")
MLFLOW = ("deployment", "mlflow", MLFLOW_NAMESPACE, "app.kubernetes.io/name=mlflow")


@pytest.mark.parametrize(
    ("part", "condition"),
    [
        pytest.param(MONITOR, "MonitorReachable", id="the drift monitor"),
        pytest.param(MLFLOW, "RegistryReachable", id="the registry"),
    ],
)
def test_a_part_that_is_away_for_minutes_is_told_and_costs_no_request_and_comes_back_without_a_hand(
    scene: Scene, part: tuple[str, str, str, str], condition: str
) -> None:
    questions = scene.questions()
    first, second = (scene.register(trained_on(questions, intercept)) for intercept in (16.0, 17.0))
    scene.move(first)
    drift = {"period": "0s", "interval": "1s"}
    deployed = scene.serve(**GATED, **by_steps(3, (25, 50)), **RECORDED, drift=drift)
    kind, name, namespace, pods = part

    def stay_away() -> None:
        with faults.scaled_to_zero(scene.platform.cluster, name, namespace, pods, kind=kind):
            away = time.monotonic()
            deployed.wait_until("told", lambda _: deployed.condition(condition).get("status") == "False")
            time.sleep(max(0.0, away + OUTAGE - time.monotonic()))
        deployed.wait_until("back", lambda _: deployed.condition(condition).get("status") == "True")
        deployed.wait_until("judged", lambda _: deployed.condition("DriftDetected").get("reason") == "NoDrift")

    with scene.traffic(scene.expectation(first, second), rate=30.0, seconds=1000.0) as run:
        deployed.wait_until("judged", lambda _: deployed.condition("DriftDetected").get("reason") == "NoDrift")
        stay_away()
        scene.move(second)
        deployed.wait_for_weight(second, 25)
        stay_away()
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert record["completion"] == "Promoted"
