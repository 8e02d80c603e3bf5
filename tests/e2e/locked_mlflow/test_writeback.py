"""What a registry with basic auth shows of rollouts, at 50 requests a second of which none may fail."""

import json
import time
from collections.abc import Callable

from mlflow import MlflowClient

from penstock_testing import deep, faults
from penstock_testing.cluster import Object
from penstock_testing.faulty_models import failing
from penstock_testing.locked_mlflow import CLUSTER_NAME, CONNECTION, DEPLOYMENT, LockedMlflow
from penstock_testing.platform import wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps

OUTAGE = deep.seconds(20.0, deep=120.0)
QUIET = deep.seconds(6.0, deep=20.0)
"""Seconds in which a second write would have come."""
ONE_POD: Object = {"predictor": {"minReplicas": 1}}


def following(scene: RolloutScene) -> Object:
    """A resource with a live alias at the server that asks who calls."""
    return {
        "registry": {"connection": CONNECTION, "model": scene.model, "alias": "champion", "liveAlias": "live"},
        **ONE_POD,
    }


def live(scene: RolloutScene, mlflow: LockedMlflow) -> str:
    """The version that the live alias names; empty: there is none yet."""
    return str(MlflowClient(mlflow.url).get_registered_model(scene.model).aliases.get("live", ""))


def tag(scene: RolloutScene, mlflow: LockedMlflow, version: str) -> Object | None:
    """What a version shows of its attempt; None: nothing."""
    key = f"penstock.{CLUSTER_NAME}.{scene.namespace}.model"
    value = MlflowClient(mlflow.url).get_model_version(scene.model, version).tags.get(key)
    return json.loads(value) if value else None


def wait_for_tag(scene: RolloutScene, mlflow: LockedMlflow, version: str) -> Object:
    return wait_for(f"a tag on version {version}", lambda: tag(scene, mlflow, version), seconds=120)


def wait_for_live(scene: RolloutScene, mlflow: LockedMlflow, version: str) -> None:
    wait_for(f"live at version {version}", lambda: live(scene, mlflow) == version or None, seconds=120)


def wait_written(scene: RolloutScene) -> None:
    """Until the controller knows of nothing that is still to be written."""

    def nothing_left(status: Object) -> bool:
        write = status["registryWrite"]
        return not write["unwritten"] and write["live"]["shown"]

    scene.deployed().wait_until("written", nothing_left)


def test_with_the_registry_away_at_promotion_tag_and_alias_arrive_afterwards_once(
    scene: RolloutScene, mlflow: LockedMlflow, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, **by_steps(None, (50,)), **following(scene))
    wait_for_tag(scene, mlflow, first)
    wait_for_live(scene, mlflow, first)
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second), rate=50.0, seconds=400.0) as run:
        scene.move(second)
        status = deployed.wait_paused(second, 50)
        with faults.scaled_to_zero(scene.platform.cluster, *DEPLOYMENT):
            away = time.monotonic()
            deployed.promote(status)
            record = deployed.wait_for_end(second, seconds=100)
            deployed.wait_settled()
            reachable = deployed.condition("RegistryReachable")
            time.sleep(max(0.0, away + OUTAGE - time.monotonic()))
        wait_written(scene)
        result = run.result()
    result.assert_none_failed()
    assert (reachable["status"], reachable["reason"]) == ("False", "RegistryAway")
    assert live(scene, mlflow) == second
    shown = wait_for_tag(scene, mlflow, second)
    said = [(gate["gate"], gate["stage"], gate["verdict"]) for gate in shown.pop("gates")]
    assert said == [(gate["name"], gate["stage"], gate["verdict"]) for gate in record["gates"]]
    assert shown == {
        "completion": "Promoted",
        "reason": "Promoted",
        "message": record["message"],
        "endedAt": record["endedAt"],
        "attempt": record["attempt"],
        "resource": f"{scene.namespace}/model",
        "cluster": CLUSTER_NAME,
    }
    resource_version = scene.platform.cluster.get("modeldeployments.penstock.dev", "model", scene.namespace)
    time.sleep(QUIET)
    writes = mlflow.writes()
    print(f"{len(writes)} writes reached MLflow after it was back")
    assert len(writes) == 2, writes
    assert scene.platform.cluster.get("modeldeployments.penstock.dev", "model", scene.namespace) == resource_version
    assert deployed.condition("RegistryReachable")["status"] == "True"
    assert record["message"] in told()


def test_a_rollback_in_the_bake_moves_the_live_alias_back(
    scene: RolloutScene, mlflow: LockedMlflow, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(
        **GATED | {"bake": {"duration": "90s"}}, **by_steps(3, (50,)), **following(scene)
    )
    wait_for_live(scene, mlflow, first)
    second = scene.register(failing(2.0, share=0.3))
    silent = {second: 0.3}
    harmless = scene.expectation(first, second, questions=scene.questions(above=0.3), silent_below=silent)
    harmful = scene.expectation(first, second, silent_below=silent)
    with scene.traffic(harmless, rate=50.0) as before:
        scene.move(second)
        deployed.wait_for_phase("Baking")
        wait_for_live(scene, mlflow, second)
        with scene.traffic(harmful, rate=50.0) as after:
            before.stop()
            record = deployed.wait_for_end(second)
            wait_for_live(scene, mlflow, first)
            deployed.wait_settled()
            results = [before.result(), after.result()]
    for result in results:
        result.assert_none_failed()
    assert (record["completion"], record["reason"]) == ("RolledBack", "GateFailed")
    shown = wait_for_tag(scene, mlflow, second)
    assert (shown["completion"], shown["reason"]) == ("RolledBack", "GateFailed")
    assert shown["message"] == record["message"]
    aliases = MlflowClient(mlflow.url).get_registered_model(scene.model).aliases
    assert {name: str(version) for name, version in aliases.items()} == {"champion": second, "live": first}
    assert record["message"] in told()
