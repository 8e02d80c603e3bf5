"""Objects of revisions that are refused, deleted, edited, left behind or somebody else's, under load."""

import json
import time
from collections.abc import Callable

import pytest

from penstock_contracts.verbs import Verb
from penstock_testing.cluster import Object
from penstock_testing.faulty_models import failing
from penstock_testing.model_deployments import Deployed
from penstock_testing.platform import wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps
from penstock_testing.traffic_result import TrafficResult

KINDS = "deployments,services,poddisruptionbudgets,controllerrevisions"
SOON = 5.0
"""Seconds within which an object that was taken away is back; pods take longer."""
LIMITED: Object = {"resources": {"limits": {"cpu": "500m", "memory": "512Mi"}}}


def child(scene: RolloutScene, pointer: str = "stable") -> str:
    """The name of a pointer's objects."""
    return f"model-{scene.deployed().status()[pointer]['revision']}"


def shown(scene: RolloutScene) -> tuple[str, str]:
    condition = scene.deployed().condition("ChildrenApplied")
    return condition.get("status", ""), condition.get("reason", "")


def quota(scene: RolloutScene, **hard: str) -> None:
    """A ResourceQuota that is in force."""
    cluster = scene.platform.cluster
    limits = {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "none", "namespace": scene.namespace},
            "spec": {"hard": limits},
        }
    )
    wait_for(
        "the quota has counted",
        lambda: ((cluster.get("resourcequota", "none", scene.namespace) or {}).get("status") or {}).get("hard"),
        seconds=30,
    )


def patch(scene: RolloutScene, kind: str, name: str, change: Object, *, how: str = "strategic") -> float:
    """What a person does; answers the Unix time after it."""
    arguments = ("patch", kind, name, "-n", scene.namespace, f"--type={how}", "-p", json.dumps(change))
    scene.platform.cluster.kubectl(*arguments)
    return time.time()


def last_failure(result: TrafficResult, since: float) -> float:
    """Seconds from then until the last request that failed had ended; 0: none failed."""
    assert result.valid, result.describe()
    assert result.failed == len(result.failures), result.describe()
    return max((each.ended.unix - since for each in result.failures), default=0.0)


def is_right(deployed: Deployed) -> None:
    assert deployed.condition("Ready")["status"] == "True"
    assert deployed.condition("ChildrenApplied")["status"] == "True"


def test_a_budget_that_a_quota_refuses_holds_up_neither_the_way_back_nor_a_persons_word(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, predictor={"minReplicas": 1} | LIMITED, **by_steps(None, (50,)))
    quota(scene, count__poddisruptionbudgets_policy="1")
    second = scene.register(failing(2.0))
    with scene.traffic(scene.expectation(first, second, silent_below={second: 1.0})) as run:
        scene.move(second)
        record = deployed.wait_for_end(second)
        text = told()
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert (record["completion"], record["reason"]) == ("RolledBack", "GateFailed")
    assert record["message"] in text
    third = scene.register(3.0)
    scene.move(third)
    status = deployed.wait_paused(third, 50)
    wait_for("the refusal is shown", lambda: shown(scene) == ("False", "Refused") or None, seconds=20)
    assert "exceeded quota" in deployed.condition("ChildrenApplied")["message"]
    deployed.say(Verb.ABORT, status)
    assert deployed.wait_for_end(third, seconds=30)["completion"] == "Aborted"
    deployed.wait_settled()
    wait_for("nothing is refused any more", lambda: shown(scene) == ("True", "Applied") or None, seconds=20)


def test_a_deployment_that_a_quota_refuses_ends_its_attempt_by_the_deadline_and_says_why(scene: RolloutScene) -> None:
    deployed, first = scene.serve_first(
        **GATED, predictor={"minReplicas": 1} | LIMITED, progressDeadline="10s", **by_steps(1, (50,))
    )
    quota(scene, count__services="1")
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second)) as run:
        scene.move(second)
        record = deployed.wait_for_end(second, seconds=60)
        result = run.result()
    result.assert_none_failed()
    assert record["reason"] == "ProgressDeadlineExceeded"
    assert "exceeded quota" in record["message"]
    assert deployed.status()["stable"]["version"] == first


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "its selector edited"])
def test_the_service_of_stable_is_right_again_within_seconds(scene: RolloutScene, *, deleted: bool) -> None:
    deployed, first = scene.serve_first(predictor=LIMITED)
    name, cluster = child(scene), scene.platform.cluster
    with scene.traffic(scene.expectation(first)) as run:
        time.sleep(2)
        if deleted:
            cluster.kubectl("delete", "service", name, "-n", scene.namespace)
            at = time.time()
        else:
            at = patch(scene, "service", name, {"spec": {"selector": {"penstock.dev/revision": "other"}}})
        time.sleep(8)
        result = run.result()
    print(f"right again after {last_failure(result, at):.2f} s; {result.describe()}")
    assert last_failure(result, at) < SOON
    is_right(deployed)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            {"env": [{"name": "PENSTOCK_MODEL_NAME", "value": "other"}]}, id="a value", marks=pytest.mark.deep
        ),
        pytest.param(
            {"env": [{"name": "PENSTOCK_MODEL_DIR", "value": "/tmp"}]}, id="a value without which none starts"
        ),
        pytest.param({"env": [{"name": "PENSTOCK_ROOT_PATH", "value": "/x"}]}, id="one more", marks=pytest.mark.deep),
        pytest.param({"image": "localhost/none:1"}, id="the image"),
    ],
)
def test_an_edit_of_stables_pods_is_put_back_and_no_request_fails(scene: RolloutScene, change: Object) -> None:
    deployed, first = scene.serve_first(predictor=LIMITED)
    name, cluster = child(scene), scene.platform.cluster
    before = cluster.get("deployment", name, scene.namespace)
    assert before
    pods = {pod["metadata"]["name"] for pod in cluster.items("pods", scene.namespace)}
    with scene.traffic(scene.expectation(first)) as run:
        edited = {"spec": {"template": {"spec": {"containers": [{"name": "predictor", **change}]}}}}
        at = patch(scene, "deployment", name, edited)
        template = before["spec"]["template"]
        wait_for("put back", lambda: _template(scene, name) == template or None, seconds=SOON)
        print(f"put back after {time.time() - at:.2f} s")
        time.sleep(8)
        result = run.result()
    result.assert_none_failed()
    assert pods <= {pod["metadata"]["name"] for pod in cluster.items("pods", scene.namespace)}
    is_right(deployed)


def _template(scene: RolloutScene, name: str) -> Object:
    found = scene.platform.cluster.get("deployment", name, scene.namespace) or {}
    template: Object = found.get("spec", {}).get("template", {})
    return template


def test_while_somebody_writes_against_us_a_condition_says_who(scene: RolloutScene) -> None:
    deployed, first = scene.serve_first(predictor=LIMITED)
    name = child(scene)
    edit = {"spec": {"publishNotReadyAddresses": True}}

    def fought() -> bool | None:
        patch(scene, "service", name, edit)
        return shown(scene) == ("False", "Contested") or None

    with scene.traffic(scene.expectation(first)) as run:
        wait_for("contested", fought, seconds=60)
        message = deployed.condition("ChildrenApplied")["message"]
        result = run.result()
    assert "spec.publishNotReadyAddresses" in message
    assert "kubectl" in message
    result.assert_none_failed()


def test_stables_deployment_that_is_deleted_on_trial_comes_back(scene: RolloutScene) -> None:
    deployed, first = scene.serve_first(**GATED, predictor=LIMITED, **by_steps(None, (50,)))
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second)) as run:
        scene.move(second)
        deployed.wait_paused(second, 50)
        name = child(scene)
        scene.platform.cluster.kubectl("delete", "deployment", name, "-n", scene.namespace)
        at = time.time()
        wait_for("stable is ready", lambda: _ready(scene, name) >= 2 or None, seconds=60)
        print(f"stable's pods are ready after {time.time() - at:.1f} s")
        time.sleep(5)
        result = run.result()
    print(f"last failure after {last_failure(result, at):.2f} s; {result.describe()}")
    assert last_failure(result, at) < 60
    assert deployed.status()["stable"]["version"] == first
    assert deployed.condition("Ready")["status"] == "True"


def _ready(scene: RolloutScene, name: str) -> int:
    found = scene.platform.cluster.get("deployment", name, scene.namespace) or {}
    return int((found.get("status") or {}).get("readyReplicas", 0))


def test_children_that_outlive_their_resource_belong_to_the_next_and_go_with_it(scene: RolloutScene) -> None:
    deployed, first = scene.serve_first(predictor=LIMITED)
    cluster = scene.platform.cluster
    before = cluster.get("modeldeployment", "model", scene.namespace)
    assert before
    with scene.traffic(scene.expectation(first)) as run:
        cluster.kubectl("delete", "modeldeployment", "model", "-n", scene.namespace, "--cascade=orphan")
        again = {"metadata": {"name": "model", "namespace": scene.namespace}}
        cluster.apply({key: before[key] for key in ("apiVersion", "kind", "spec")} | again)
        deployed.wait_settled()
        wait_for("owned", lambda: _owners(scene) == {_uid(scene)} or None, seconds=30)
        assert deployed.status()["stable"]["version"] == first
        result = run.result()
    print(result.describe())
    assert result.valid
    deployed.delete()
    selector = "penstock.dev/model-deployment=model"
    wait_for("gone", lambda: not cluster.items(KINDS, scene.namespace, selector) or None, seconds=60)


def _uid(scene: RolloutScene) -> str:
    found = scene.platform.cluster.get("modeldeployment", "model", scene.namespace) or {}
    return str(found.get("metadata", {}).get("uid"))


def _owners(scene: RolloutScene) -> set[str]:
    found = scene.platform.cluster.items(KINDS, scene.namespace, "penstock.dev/model-deployment=model")
    owners = (item["metadata"].get("ownerReferences") or [{}] for item in found)
    return {each.get("uid", "") for references in owners for each in references}


@pytest.mark.parametrize(
    "both",
    [pytest.param(False, id="the model label alone", marks=pytest.mark.deep), pytest.param(True, id="both labels")],
)
def test_a_deployment_of_somebody_else_is_named_and_left_alone(scene: RolloutScene, *, both: bool) -> None:
    deployed, first = scene.serve_first(predictor=LIMITED)
    cluster = scene.platform.cluster
    labels = {"penstock.dev/model-deployment": "model"} | ({"penstock.dev/revision": "0123456789"} if both else {})
    spec = {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "theirs"}},
        "template": {
            "metadata": {"labels": {"app": "theirs"}},
            "spec": {"containers": [{"name": "c", "image": "localhost/none"}]},
        },
    }
    metadata = {"name": "theirs", "namespace": scene.namespace, "labels": labels}
    cluster.apply({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    wait_for("named", lambda: shown(scene) == ("False", "ForeignObject") or None, seconds=20)
    assert "Deployment theirs" in deployed.condition("ChildrenApplied")["message"]
    second = scene.register(2.0)
    scene.move(second)
    deployed.wait_for_version(second)
    deployed.wait_settled()
    assert cluster.get("deployment", "theirs", scene.namespace)
    cluster.kubectl("delete", "deployment", "theirs", "-n", scene.namespace)
    wait_for("gone", lambda: shown(scene) == ("True", "Applied") or None, seconds=20)
    assert deployed.status()["stable"]["version"] == second
    assert first != second
