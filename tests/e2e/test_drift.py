"""Live data that move away from the sample that a version was trained on, from the predictors to the condition."""

from penstock_testing.cluster import Object
from penstock_testing.model_deployments import Deployed
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps
from penstock_testing.trained import trained_on

RECORDED: Object = {"minReplicas": 1, "logger": {"mode": "all"}}
AT_ONCE: Object = {"period": "0s", "interval": "1s"}
"""Judged whenever rows came, and asked for every second: a day is too long for a test."""


def wait_for_drift(deployed: Deployed, *expected: str) -> Object:
    """Until the condition has one of these forms, `status reason`; answers it."""

    def told(_: Object) -> bool:
        condition = deployed.condition("DriftDetected")
        return f"{condition.get('status')} {condition.get('reason')}" in expected

    deployed.wait_until(f"DriftDetected is {' or '.join(expected)}", told)
    return deployed.condition("DriftDetected")


def test_inputs_that_move_away_are_told_by_name_while_users_are_served_and_not_before(scene: RolloutScene) -> None:
    usual, unusual = scene.questions(), scene.questions(above=0.5)
    version = scene.register(trained_on(usual, 11.0))
    scene.move(version)
    deployed = scene.serve(predictor=RECORDED, drift=AT_ONCE)
    with scene.traffic(scene.expectation(version, questions=usual), rate=100.0) as run:
        quiet = wait_for_drift(deployed, "False NoDrift")
        before = run.result()
    with scene.traffic(scene.expectation(version, questions=unusual), rate=100.0) as run:
        moved = wait_for_drift(deployed, "True DatasetDrift")
        after = run.result()
    for result in (before, after):
        result.assert_none_failed()
    assert "(a since " in moved["message"], moved
    assert "b since" not in moved["message"], moved
    assert deployed.condition("MonitorReachable")["status"] == "True"
    assert deployed.condition("Ready")["status"] == "True"
    assert quiet["lastTransitionTime"] <= moved["lastTransitionTime"]


def test_a_new_version_with_a_sample_of_the_new_world_ends_the_drift_by_its_promotion(scene: RolloutScene) -> None:
    usual, unusual = scene.questions(), scene.questions(above=0.5)
    first = scene.register(trained_on(usual, 11.0))
    scene.move(first)
    deployed = scene.serve(**GATED, **by_steps(1, (50,)), predictor=RECORDED, drift=AT_ONCE)
    second = scene.register(trained_on(unusual, 12.0))
    with scene.traffic(scene.expectation(first, second, questions=unusual), rate=100.0) as run:
        wait_for_drift(deployed, "True DatasetDrift")
        scene.move(second)
        deployed.wait_for_version(second)
        wait_for_drift(deployed, "False NoDrift")
        result = run.result()
    result.assert_none_failed()
    assert result.by_version.keys() == {first, second}
