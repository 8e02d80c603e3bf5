"""What a person says, in the phases where it makes sense and in some where it does not, at 100 requests a second."""

import re
import time
from collections.abc import Callable

import pytest

from penstock_contracts.verbs import Verb
from penstock_testing.cluster import Object
from penstock_testing.model_deployments import Deployed
from penstock_testing.platform import NAMESPACE, wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import AT_ONCE, GATED, by_steps, canary, pause, weight

ONE_POD: Object = {"predictor": {"minReplicas": 1}}
LONG_BAKE: Object = {"bake": {"duration": "300s"}}
NO_GATES: Object = {"analysis": {"gates": []}}


def refused(deployed: Deployed, verb: Verb, status: Object, told: Callable[[], str], why: str) -> None:
    """Say it, and see an Event that says why not; nothing else has changed."""
    deployed.say(verb, status)
    after = deployed.wait_handled(verb)
    wait_for(f"{verb} refused", lambda: why in told() or None, seconds=20)
    assert (after["phase"], after["attempt"]) == (status["phase"], status["attempt"])


def test_pause_resume_promote_and_promote_full_on_trial_and_promote_in_the_bake(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    strategy = canary(weight(5), pause(600), weight(25), pause(), weight(50), pause())
    deployed, first = scene.serve_first(**(GATED | LONG_BAKE | ONE_POD | strategy))
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second)) as run:
        refused(deployed, Verb.PROMOTE, deployed.status(), told, "nothing is on trial")
        scene.move(second)
        status = deployed.wait_for_weight(second, 5)
        status = deployed.wait_until("the first pause", lambda status: status["candidate"]["step"] == 1)
        refused(deployed, Verb.RESUME, status, told, "it is not paused")
        refused(deployed, Verb.UNDO, status, told, "an attempt is under way")
        deployed.say(Verb.PAUSE, status)
        deployed.wait_paused(second, 5)
        assert deployed.condition("Reconciling")["status"] == "True"
        deployed.take_back(Verb.RESUME)
        deployed.say(Verb.RESUME, status)
        deployed.wait_for_phase("Progressing")
        deployed.say(Verb.PROMOTE, status)
        status = deployed.wait_paused(second, 25)
        deployed.say(Verb.PROMOTE_FULL, status)
        status = deployed.wait_for_phase("Baking")
        refused(deployed, Verb.PAUSE, status, told, "it is promoted already")
        deployed.say(Verb.PROMOTE, status)
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert record["completion"] == "Promoted"
    assert "promote-full" in record["message"]
    assert "a person said promote" in record["message"]
    assert record["message"][:200] in told()


def test_abort_on_trial_then_retry_then_abort_in_the_bake(scene: RolloutScene, told: Callable[[], str]) -> None:
    deployed, first = scene.serve_first(**NO_GATES, **LONG_BAKE, **ONE_POD, **by_steps(None, (50,)))
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second)) as run:
        scene.move(second)
        deployed.say(Verb.ABORT, deployed.wait_paused(second, 50))
        record = deployed.wait_for_end(second)
        status = deployed.wait_settled()
        assert (record["completion"], record["reason"]) == ("Aborted", "Aborted")
        assert deployed.condition("Stalled")["reason"] == "Aborted"
        deployed.say(Verb.RETRY, status)
        deployed.promote(deployed.wait_paused(second, 50))
        status = deployed.wait_for_phase("Baking")
        assert status["attempt"] == record["attempt"] + 1
        deployed.say(Verb.ABORT, status)
        deployed.wait_for_version(first)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    history = deployed.status()["history"]
    assert [(each["version"], each["completion"]) for each in history[:2]] == [(second, "Aborted")] * 2
    assert "in its bake" in told()


@pytest.mark.alone
def test_undo_stays_undone_over_a_restart_of_the_controller_until_the_alias_moves(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**AT_ONCE, **ONE_POD)
    second, third = scene.register(2.0), scene.register(3.0)
    with scene.traffic(scene.expectation(first, second, third)) as run:
        scene.move(second)
        deployed.wait_for_version(second)
        status = deployed.wait_settled()
        deployed.say(Verb.UNDO, status)
        deployed.wait_for_version(first)
        status = deployed.wait_settled()
        assert status["hold"]["version"] == first
        before = scene.platform.pods("controller")[0]["metadata"]["uid"]
        scene.platform.cluster.kubectl("rollout", "restart", "deployment/penstock-controller", "-n", NAMESPACE)
        wait_for("another controller", lambda: _another(scene, before) or None, seconds=90)
        scene.platform.wait_component("controller", seconds=90)
        wait_for("the alias looked up by the new controller", lambda: _looked_up(scene) or None, seconds=30)
        time.sleep(3)
        after = deployed.status()
        assert (after["stable"]["version"], after["attempt"]) == (first, status["attempt"])
        assert after["hold"] == status["hold"]
        scene.move(third)
        deployed.wait_for_version(third)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert deployed.status()["attempt"] == status["attempt"] + 1
    assert "hold" not in deployed.status()
    assert f"version {third}" in told()


def _looked_up(scene: RolloutScene) -> bool:
    (pod,) = scene.platform.pods("controller")
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:8081/proxy/metrics"
    found = scene.platform.cluster.kubectl("get", "--raw", path)
    return bool(re.search(r"^penstock_controller_registry_reachable\{.*\} 1", found, re.MULTILINE))


def _another(scene: RolloutScene, before: str) -> bool:
    uids = [pod["metadata"]["uid"] for pod in scene.platform.pods("controller")]
    return bool(uids) and before not in uids


def test_undo_in_the_bake_goes_back_at_once_and_retry_ends_the_hold(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**NO_GATES, **LONG_BAKE, **ONE_POD, **canary())
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second)) as run:
        scene.move(second)
        status = deployed.wait_for_phase("Baking")
        deployed.say(Verb.UNDO, status)
        deployed.wait_for_version(first)
        status = deployed.wait_settled()
        assert (status["history"][0]["completion"], status["history"][0]["reason"]) == ("Aborted", "Undone")
        assert status["hold"]["version"] == first
        deployed.say(Verb.RETRY, status)
        status = deployed.wait_for_phase("Baking")
        assert status["stable"]["version"] == second
        deployed.say(Verb.PROMOTE, status)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert "CommandAccepted" in told()
