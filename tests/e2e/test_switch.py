"""A data scientist moves the alias while users send requests."""

import time

from penstock_testing.scenes import RolloutScene

GRACE = 0.1
"""Seconds after the last gateway pod's acknowledgement from which no request may reach the old version."""


def test_alias_moved_under_load_loses_no_request_and_none_reaches_the_old_version_late(scene: RolloutScene) -> None:
    first, second = scene.register(1.0), scene.register(2.0)
    scene.registry.move(scene.model, first)
    deployed = scene.serve()
    deployed.wait_settled()
    with scene.traffic(scene.expectation(first, second), rate=50.0) as run:
        time.sleep(3)
        scene.registry.move(scene.model, second)
        status = deployed.wait_for_version(second)
        pods = scene.platform.acknowledged(scene.namespace, "model")
        time.sleep(12)  # longer than any of the driver's connections lasts
        deployed.wait_settled()
        result = run.result()
    assert result.valid, result.describe()
    assert result.sent >= 600
    assert result.failed == 0, result.describe()
    assert result.by_version.keys() == {first, second}
    assert sum(result.by_version.values()) == result.sent
    # A further split may be there already: it only ends what rescued and compared.
    assert all(pod.number >= status["traffic"]["applied"]["number"] for pod in pods)
    assert len(pods) == 2
    last_acknowledgement = max(pod.applied_at for pod in pods)
    assert result.sent_after(last_acknowledgement + GRACE, first) == 0, result.describe()
    assert result.sent_after(last_acknowledgement + GRACE, second) >= 300
    history = deployed.status()["history"]
    assert [(record["version"], record["completion"]) for record in history] == [
        (second, "Promoted"),
        (first, "Promoted"),
    ]
    assert scene.platform.cluster.items("pods", scene.namespace, "penstock.dev/model-deployment=model")
    assert {
        pod["metadata"]["labels"]["penstock.dev/revision"]
        for pod in scene.platform.cluster.items("pods", scene.namespace, "penstock.dev/model-deployment=model")
        if "deletionTimestamp" not in pod["metadata"]
    } == {status["stable"]["revision"]}


def test_moving_back_and_forth_ends_at_what_the_alias_says_without_a_lost_request(scene: RolloutScene) -> None:
    first, second, third = (scene.register(intercept) for intercept in (1.0, 2.0, 3.0))
    scene.registry.move(scene.model, first)
    deployed = scene.serve()
    with scene.traffic(scene.expectation(first, second, third)) as run:
        for version in (second, third, first):
            time.sleep(3)
            scene.registry.move(scene.model, version)
        deployed.wait_for_version(first)
        scene.registry.move(scene.model, third)
        deployed.wait_for_version(third)
        deployed.wait_settled()
        result = run.result()
    assert result.valid, result.describe()
    assert result.failed == 0, result.describe()
    assert deployed.condition("Ready")["status"] == "True"
    assert deployed.condition("Reconciling")["status"] == "False"


def test_a_version_with_the_bytes_that_serve_moves_the_label_only(scene: RolloutScene) -> None:
    first, same = scene.register(1.0), scene.register(1.0)
    scene.registry.move(scene.model, first)
    deployed = scene.serve()
    before = deployed.wait_settled()
    scene.registry.move(scene.model, same)
    after = deployed.wait_for_version(same)
    assert after["stable"]["revision"] == before["stable"]["revision"]
    assert after["attempt"] == before["attempt"]
