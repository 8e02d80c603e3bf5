"""`helm upgrade` with another predictor image over many resources under load: one that cannot start, one that can."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from penstock_testing import deep, faults
from penstock_testing.cluster import Object
from penstock_testing.model_deployments import KIND, model_deployment
from penstock_testing.platform import Platform, image_values, wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.status_watch import ObjectWatch
from penstock_testing.strategies import BRIEF, by_steps

pytestmark = pytest.mark.alone

NAMES = tuple(f"model-{number}" for number in deep.several(range(7), deep=range(20)))
LIMIT = 3
BATCH = 10
"""Resources that are made at the same time: their first pods must be ready before `progressDeadline`."""
SPEC: Object = {
    **by_steps(1, (50,)),
    "analysis": {"interval": "1s", "gates": [{"name": "error-rate", "margin": {"absolute": "10%"}, "minSamples": 20}]},
    "bake": {"duration": "2s"},
    "predictor": {**BRIEF, "minReplicas": 1, "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}},
    "progressDeadline": "40s",
}
"""A flawless candidate passes after some 40 tries."""
RATE = 12.0 * len(NAMES)
"""A second over all of them: half of a resource's are six a second."""
LOOK = 5.0
"""Seconds in which a controller that has started looks at every resource, and would let one begin."""


def predictor(image: str) -> list[str]:
    """The settings of the chart that name it."""
    return [f"{key}={value}" for key, value in image_values("predictor", image)]


def another_name(image: str) -> str:
    """The same image by another reference: to Kubernetes it is another one."""
    name, digest = image.split("@")
    return f"{name}:another@{digest}"


def missing(image: str) -> str:
    """An image that nobody can pull."""
    return image.split("@", maxsplit=1)[0] + "@sha256:" + "0" * 64


def _on_trial(resource: Object) -> bool:
    return bool(resource["status"].get("candidate") or resource["status"].get("previous"))


class Crowd:
    """Which of the resources were on trial, and how many at the same time, by every state that each of them had."""

    def __init__(self) -> None:
        self.most = 0
        self.ever: set[str] = set()
        self._now: set[str] = set()

    def see(self, resource: Object) -> None:
        """The next state of one of them."""
        name = resource["metadata"]["name"]
        if _on_trial(resource):
            self.ever.add(name)
            self._now.add(name)
        else:
            self._now.discard(name)
        self.most = max(self.most, len(self._now))


@contextmanager
def _watched(scene: RolloutScene) -> Iterator[Crowd]:
    crowd = Crowd()
    with ObjectWatch(scene.platform.cluster, scene.namespace, "", crowd.see):
        yield crowd


def _resources(scene: RolloutScene) -> list[Object]:
    return sorted(scene.platform.cluster.items(KIND, scene.namespace), key=lambda item: str(item["metadata"]["name"]))


def _wait_for_all(scene: RolloutScene, what: str, holds: Callable[[Object], bool], seconds: float) -> list[Object]:
    def look() -> list[Object] | None:
        found = _resources(scene)
        return found if all(map(holds, found)) else None

    return wait_for(what, look, seconds=seconds, pause=1.0)


def _condition(resource: Object, kind: str) -> tuple[str, str]:
    """Status and reason."""
    found = (item for item in resource["status"].get("conditions", []) if item["type"] == kind)
    return next(((item["status"], item["reason"]) for item in found), ("Unknown", ""))


def _is_at_rest(resource: Object) -> bool:
    settled = _condition(resource, "Reconciling") == ("False", "Settled")
    return settled and not (_on_trial(resource) or resource["status"].get("retiring"))


def _has_failed_or_waits(resource: Object) -> bool:
    status = resource["status"]
    return bool(status.get("refused")) or "such pods failed on" in status["message"]


def _is_promoted(resource: Object) -> bool:
    newest = resource["status"]["history"][0]
    return newest["attempt"] > 1 and newest["completion"] == "Promoted" and _is_at_rest(resource)


def _served(scene: RolloutScene) -> list[Object]:
    """All of them serve the same version, each from a Deployment of its own."""
    scene.move(scene.register(1.0))
    for start in range(0, len(NAMES), BATCH):
        batch = NAMES[start : start + BATCH]
        scene.platform.cluster.apply(*(model_deployment(name, scene.namespace, scene.model, **SPEC) for name in batch))
        served = _wait_for_all(scene, "all at rest", _is_at_rest, seconds=90)
    return served


def _revisions(resources: list[Object]) -> list[str]:
    return [item["status"]["stable"]["revision"] for item in resources]


def _assert_halted(scene: RolloutScene, before: list[str], tried: set[str]) -> None:
    """Once all have looked: who tried says what failed, the others wait and say for whom. Each serves as before."""
    found = _wait_for_all(scene, "a halt", _has_failed_or_waits, seconds=120)
    assert _revisions(found) == before
    for resource in found:
        name, status = resource["metadata"]["name"], resource["status"]
        assert _condition(resource, "Ready")[0] == "True"
        if name in tried:
            record = status["history"][0]
            assert (record["completion"], record["reason"]) == ("RolledBack", "ProgressDeadlineExceeded")
            assert "Image" in record["message"], record["message"]
            assert _condition(resource, "Stalled") == ("True", "RolledBack")
        else:
            assert status["attempt"] == 1
            assert _condition(resource, "Reconciling") == ("True", "Queued")
            assert any(f"failed on {scene.namespace}/{other} (" in status["message"] for other in tried)
            assert "Image" in status["message"], status["message"]


def _kill_the_controller(scene: RolloutScene) -> None:
    faults.replace(scene.platform.cluster, scene.platform.pods("controller")[0])
    scene.platform.wait_component("controller")
    time.sleep(LOOK)


def _assert_promoted(resource: Object, tried: set[str]) -> None:
    record = resource["status"]["history"][0]
    attempt = 3 if resource["metadata"]["name"] in tried else 2
    assert (record["attempt"], record["version"], record["completion"]) == (attempt, "1", "Promoted")
    assert record["gates"], "promoted without its gates"


@pytest.mark.timeout(600)
def test_of_many_resources_a_bad_image_is_tried_by_a_few_and_a_good_one_then_goes_through_the_gates_of_all(
    upgraded: Platform, scene: RolloutScene
) -> None:
    before, image = _revisions(_served(scene)), upgraded.cluster.images["predictor"]
    questions = [question for name in NAMES for question in scene.questions(name=name, count=4)]
    expected = scene.expectation("1", questions=questions)
    with scene.traffic(expected, rate=RATE, seconds=580) as traffic:
        with _watched(scene) as bad:
            upgraded.change(f"controller.maxConcurrentRollouts={LIMIT}", *predictor(missing(image)))
            _assert_halted(scene, before, bad.ever)
            _kill_the_controller(scene)
            _assert_halted(scene, before, bad.ever)
        assert bad.most == len(bad.ever) == LIMIT
        with _watched(scene) as good:
            upgraded.change(*predictor(another_name(image)))
            after = _wait_for_all(scene, "all upgraded", _is_promoted, seconds=300)
        result = traffic.result()
    result.assert_none_failed()
    assert (good.most, good.ever) == (LIMIT, set(NAMES))
    assert not set(_revisions(after)) & set(before)
    for resource in after:
        _assert_promoted(resource, bad.ever)
