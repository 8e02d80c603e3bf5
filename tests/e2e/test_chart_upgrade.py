"""`helm upgrade` with another predictor image over several resources under load."""

from collections.abc import Iterator
from itertools import count

import pytest

from penstock_testing.cluster import Object
from penstock_testing.model_deployments import KIND
from penstock_testing.platform import NAMESPACE, RELEASE, Platform, wait_for
from penstock_testing.scenes import Scene
from penstock_testing.status_watch import ObjectWatch
from penstock_testing.strategies import GATED, by_steps

LIMIT = 2
NAMES = tuple(f"model-{number}" for number in range(6))
SPEC: Object = {
    **GATED,
    **by_steps(1, (50,)),
    "predictor": {"minReplicas": 1, "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}},
    "progressDeadline": "30s",
}
RATE = 240.0
"""A second over all of them: each gate sees 20 tries of its candidate within a second."""
_TAGS = count()


def another_name(image: str) -> str:
    """The same image by another reference: to Kubernetes it is another one."""
    name, digest = image.split("@")
    return f"{name}:upgrade-{next(_TAGS)}@{digest}"


def missing(image: str) -> str:
    """An image that nobody can pull."""
    return image.split("@", maxsplit=1)[0] + "@sha256:" + "0" * 64


@pytest.fixture
def upgraded(platform: Platform) -> Iterator[Platform]:
    """A platform that may be upgraded; afterwards it has the values from before."""
    values = platform.cluster.helm("get", "values", RELEASE, "-n", NAMESPACE, "-o", "json")
    yield platform
    platform.restore(values)


def _resources(scene: Scene) -> list[Object]:
    return sorted(scene.platform.cluster.items(KIND, scene.namespace), key=lambda item: str(item["metadata"]["name"]))


def _on_trial(resource: Object) -> bool:
    return bool(resource["status"].get("candidate") or resource["status"].get("previous"))


class Crowd:
    """How many of the resources were on trial at the same time, by every state that each of them had."""

    def __init__(self) -> None:
        self.most = 0
        self._names: set[str] = set()

    def see(self, resource: Object) -> None:
        """The next state of one of them."""
        change = self._names.add if _on_trial(resource) else self._names.discard
        change(resource["metadata"]["name"])
        self.most = max(self.most, len(self._names))


def _watched(scene: Scene, crowd: Crowd) -> ObjectWatch:
    return ObjectWatch(scene.platform.cluster, scene.namespace, "", crowd.see)


def _is_at_rest(resource: Object) -> bool:
    status = resource["status"]
    reasons = {item["type"]: item["reason"] for item in status["conditions"]}
    return not (_on_trial(resource) or status.get("retiring")) and reasons["Reconciling"] == "Settled"


def _served(scene: Scene) -> list[Object]:
    """All of them serve the same version, each from a Deployment of its own."""
    scene.move(scene.register(1.0))
    for name in NAMES:
        scene.serve(name, **SPEC)
    return wait_for("all at rest", lambda: _all(scene, _is_at_rest), seconds=60)


def _all(scene: Scene, holds: object) -> list[Object] | None:
    found = _resources(scene)
    assert callable(holds)
    return found if all(map(holds, found)) else None


def _revisions(resources: list[Object]) -> list[str]:
    return [item["status"]["stable"]["revision"] for item in resources]


def test_a_new_predictor_image_goes_through_the_gates_a_few_resources_at_a_time(
    scene: Scene, upgraded: Platform
) -> None:
    before = _revisions(_served(scene))
    crowd = Crowd()

    def all_are_new() -> list[Object] | None:
        found = _resources(scene)
        new = all(one != other for one, other in zip(_revisions(found), before, strict=True))
        return found if new and all(map(_is_at_rest, found)) else None

    questions = [question for name in NAMES for question in scene.questions(name=name, count=4)]
    expected = scene.expectation("1", questions=questions)
    with _watched(scene, crowd), scene.traffic(expected, rate=RATE, seconds=400) as traffic:
        image = another_name(upgraded.cluster.images["predictor"])
        upgraded.change(f"controller.maxConcurrentRollouts={LIMIT}", f"images.predictor={image}")
        after = wait_for("all upgraded", all_are_new, seconds=300)
        result = traffic.result()
    result.assert_none_failed()
    assert crowd.most == LIMIT
    for resource in after:
        record = resource["status"]["history"][0]
        assert (record["attempt"], record["version"], record["completion"]) == (2, "1", "Promoted")
        assert record["gates"], "promoted without its gates"


def test_an_image_that_cannot_start_harms_no_more_resources_than_may_try_at_once_and_all_say_why(
    scene: Scene, upgraded: Platform
) -> None:
    before = _revisions(_served(scene))
    crowd = Crowd()

    def halted() -> list[Object] | None:
        found = _resources(scene)
        waiting = [item for item in found if "such pods failed on" in item["status"]["message"]]
        failed = [item for item in found if item["status"].get("refused")]
        return found if len(waiting) + len(failed) == len(found) else None

    questions = [question for name in NAMES for question in scene.questions(name=name, count=4)]
    expected = scene.expectation("1", questions=questions)
    with _watched(scene, crowd), scene.traffic(expected, rate=RATE, seconds=400) as traffic:
        image = missing(upgraded.cluster.images["predictor"])
        upgraded.change(f"controller.maxConcurrentRollouts={LIMIT}", f"images.predictor={image}")
        after = wait_for("the others wait", halted, seconds=200)
        result = traffic.result()
    result.assert_none_failed()
    assert _revisions(after) == before
    refused = [item for item in after if item["status"].get("refused")]
    assert (len(refused), crowd.most) == (LIMIT, LIMIT)
    for item in refused:
        record = item["status"]["history"][0]
        assert (record["completion"], record["reason"]) == ("RolledBack", "ProgressDeadlineExceeded")
        assert "Image" in record["message"], record["message"]
    for item in after:
        if item not in refused:
            reconciling = next(one for one in item["status"]["conditions"] if one["type"] == "Reconciling")
            assert (reconciling["status"], reconciling["reason"]) == ("True", "Queued")
            assert item["status"]["attempt"] == 1
