"""A drift monitor that is gone while a version is rolled out and recorded: nobody but its conditions notices."""

import time

import pytest

from penstock_testing import deep, faults
from penstock_testing.cluster import Object
from penstock_testing.platform import NAMESPACE
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps
from penstock_testing.trained import trained_on

pytestmark = pytest.mark.alone

MONITOR = ("penstock-drift-monitor", NAMESPACE, "app.kubernetes.io/component=drift-monitor")
OUTAGE = deep.seconds(15.0, deep=300.0)
RECORDED: Object = {"predictor": {"minReplicas": 1, "logger": {"mode": "all"}}}


def test_with_the_monitor_away_a_version_is_promoted_no_request_fails_and_verdicts_come_back(
    scene: RolloutScene,
) -> None:
    questions = scene.questions()
    first, second = (scene.register(trained_on(questions, intercept)) for intercept in (11.0, 13.0))
    scene.move(first)
    drift = {"period": "0s", "interval": "1s"}
    deployed = scene.serve(**GATED, **by_steps(1, (50,)), **RECORDED, drift=drift)
    cluster = scene.platform.cluster
    with scene.traffic(scene.expectation(first, second), rate=50.0, seconds=400.0) as run:
        deployed.wait_until("judged", lambda _: deployed.condition("DriftDetected").get("reason") == "NoDrift")
        with faults.scaled_to_zero(cluster, *MONITOR, kind="statefulset"):
            away = time.monotonic()
            deployed.wait_until("away", lambda _: deployed.condition("MonitorReachable").get("status") == "False")
            reachable, drifted = deployed.condition("MonitorReachable"), deployed.condition("DriftDetected")
            scene.move(second)
            deployed.wait_for_version(second)
            time.sleep(max(0.0, away + OUTAGE - time.monotonic()))
        deployed.wait_until("back", lambda _: deployed.condition("MonitorReachable").get("status") == "True")
        deployed.wait_until("judged again", lambda _: deployed.condition("DriftDetected").get("reason") == "NoDrift")
        result = run.result()
    result.assert_none_failed()
    assert result.by_version.keys() == {first, second}
    assert (reachable["reason"], drifted["status"], drifted["reason"]) == ("MonitorAway", "Unknown", "MonitorAway")
    assert deployed.status()["history"][0]["completion"] == "Promoted"
