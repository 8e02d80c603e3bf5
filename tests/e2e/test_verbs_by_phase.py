"""docs/user/steering.md phase by phase: one verb that acts there, and all that are refused.

That every verb does in every phase what the page says, unit tests of the engine show (`test_commands.py`); some rows
are in `test_verbs.py` beside this file, in every run.
"""

from contextlib import AbstractContextManager

import pytest

from penstock_contracts.names import LABEL_REVISION
from penstock_contracts.verbs import Verb
from penstock_testing import faults
from penstock_testing.artifacts import BAD_ARTIFACTS
from penstock_testing.cluster import Object
from penstock_testing.model_deployments import Deployed, model_deployment
from penstock_testing.scenes import RolloutScene
from penstock_testing.steersman import Steersman
from penstock_testing.strategies import canary, pause, weight

pytestmark = [pytest.mark.alone, pytest.mark.deep]

STRATEGY: Object = {
    "predictor": {"minReplicas": 1},
    "analysis": {"gates": []},
    "bake": {"duration": "600s"},
    **canary(weight(20), pause(600), pause()),
}
NO_NODE_HAS_IT: Object = {"resources": {"requests": {"cpu": "1000"}}}
ANY_NODE_HAS_IT: Object = {"resources": {"requests": {"cpu": "10m"}}}
NOTHING_TO_RETRY = "no version was refused, and none is held"
NOBODY_BEFORE = "no version served before"
PICKLE = next(each for each in BAD_ARTIFACTS if each.travels)


def a_gateway_pod_that_learns_nothing(scene: RolloutScene) -> AbstractContextManager[None]:
    """Moving requests takes as long as the context: one gateway pod serves on by what it knew."""
    return faults.cut_off(scene.platform.cluster, scene.platform.pods("gateway")[0])


def at_the_pause(deployed: Deployed, version: str) -> None:
    """Until that version is on trial, in the pause of 600 s."""
    deployed.wait_until(
        f"version {version} in its first pause",
        # The pause has begun a pass after the step was reached.
        lambda status: _place(status) == (version, 20, 1) and "stepSince" in status["candidate"],
    )


def _true(status: Object) -> set[str]:
    return {each["type"] for each in status.get("conditions", ()) if each["status"] == "True"}


def _place(status: Object) -> tuple[str, int, int]:
    candidate = status.get("candidate") or {}
    return candidate.get("version", ""), candidate.get("weight", 0), candidate.get("step", 0)


def test_what_is_said_before_and_while_the_first_version_starts(scene: RolloutScene) -> None:
    spec = STRATEGY | {"predictor": STRATEGY["predictor"] | NO_NODE_HAS_IT}
    scene.platform.cluster.apply(model_deployment("model", scene.namespace, scene.model, **spec))
    deployed = scene.deployed()
    person = Steersman(deployed)
    deployed.wait_until("there is no such alias", lambda status: "Stalled" in _true(status))
    person.is_refused("Pending")
    bad = scene.register(PICKLE.build)
    scene.move(bad)
    unfit = f"the model store refuses version {bad}: register another one"
    person.is_refused("Degraded", besides={Verb.RETRY: unfit, Verb.UNDO: NOBODY_BEFORE})
    first = scene.register(1.0)
    scene.move(first)
    person.is_refused("Initializing")
    person.does(Verb.ABORT, "Initializing")
    person.is_refused("Degraded", besides={Verb.UNDO: NOBODY_BEFORE})
    assert (deployed.wait_for_end(first)["completion"], deployed.condition("Stalled")["reason"]) == ("Aborted",) * 2
    person.does(Verb.RETRY, "Degraded")
    deployed.wait_for_attempt(2)
    with a_gateway_pod_that_learns_nothing(scene):
        deployed.edit(predictor=ANY_NODE_HAS_IT)
        nowhere = "it is the first version, and the gateway moves all requests to it: there is nothing to go back to"
        person.is_refused("Promoting", besides={Verb.ABORT: nowhere})
    deployed.wait_for_version(first)
    with scene.traffic(scene.expectation(first)) as run:
        alone = "status.history has no other version that served"
        person.is_refused("Healthy", besides={Verb.RETRY: NOTHING_TO_RETRY, Verb.UNDO: alone})
        result = run.result()
    result.assert_none_failed()


def test_what_is_said_while_a_second_version_comes_goes_and_stays(scene: RolloutScene) -> None:
    deployed, first = scene.serve_first(**STRATEGY)
    second = scene.register(2.0)
    person = Steersman(deployed)

    with scene.traffic(scene.expectation(first, second)) as run:
        scene.move(second)
        at_the_pause(deployed, second)
        person.is_refused("Progressing")
        person.does(Verb.PAUSE, "Progressing")
        person.is_refused("Paused")
        person.does(Verb.RESUME, "Paused")
        with a_gateway_pod_that_learns_nothing(scene):
            person.does(Verb.PROMOTE_FULL, "Progressing")
            person.is_refused("Promoting")
            person.does(Verb.ABORT, "Promoting")
            person.is_refused("RollingBack")
        person.is_refused("Healthy")
        person.does(Verb.RETRY, "Healthy")
        at_the_pause(deployed, second)
        person.does(Verb.PROMOTE_FULL, "Progressing")
        person.is_refused("Baking")
        person.does(Verb.PROMOTE, "Baking")
        status = deployed.wait_for_phase("Healthy")
        result = run.result()
    result.assert_none_failed()
    assert status["stable"]["version"] == second
    _undone_while_nothing_serves(scene, person, status["stable"]["revision"])
    assert deployed.status()["candidate"]["version"] == first
    acted = {phase for verb, phase in person.met if person.page[verb, phase].does}
    assert acted == {"Healthy", "Progressing", "Paused", "Promoting", "Baking", "Degraded"}


def _undone_while_nothing_serves(scene: RolloutScene, person: Steersman, stable: str) -> None:
    """Stable's pods are killed, and no node takes new ones."""
    cluster = scene.platform.cluster
    with faults.cordoned(cluster):
        for pod in cluster.items("pods", scene.namespace, f"{LABEL_REVISION}={stable}"):
            faults.replace(cluster, pod)
        person.is_refused("Degraded")
        person.does(Verb.UNDO, "Degraded")
        person.deployed.wait_for_phase("Progressing")
