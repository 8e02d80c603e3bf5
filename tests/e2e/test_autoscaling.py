"""Load that triples while an attempt lasts: every version that users may come back to follows it. None may fail."""

import time
from collections.abc import Callable

import pytest

from penstock_testing.cluster import Object
from penstock_testing.faulty_models import failing
from penstock_testing.model_deployments import Deployed
from penstock_testing.platform import wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.sizes import Sizes, WorkloadSize
from penstock_testing.strategies import GATED, by_steps

pytestmark = pytest.mark.alone  # what pods use of the processor decides, and nobody else may take it from them

RATE = 80.0
"""Less than two pods are for; three times as much is more, where a request takes 0.2 to 0.5 ms of processor time."""
LEAST, MOST = 2, 6
MEASURED = 65.0
"""Seconds after which what versions use is known to belong to the weights that stand."""
SCALED: Object = {
    "predictor": {
        "minReplicas": LEAST,
        "maxReplicas": MOST,
        "targetCPUUtilization": 60,
        "resources": {"requests": {"cpu": "35m", "memory": "64Mi"}},
    }
}
"""Pods that are busy with few requests."""
HALF = by_steps(None, (50,))
CONTROLLER = "system:serviceaccount:penstock-system:penstock-controller"


def floor(status: Object) -> int:
    return int(status.get("minPods") or 0)


def grown(deployed: Deployed, before: int) -> int:
    """The floor, once it is larger than it was."""
    return floor(deployed.wait_until("a higher floor", lambda status: floor(status) > before, seconds=150))


def assert_never_below(sizes: list[WorkloadSize]) -> None:
    """While they last floors only rise, and the number of pods that is asked for is never below."""
    floors = [size.floor for size in sizes if size.floor]
    assert floors == sorted(floors)
    assert min(size.asked for size in sizes) >= LEAST
    assert all(size.ready >= LEAST for size in sizes[1:])


def patched_by_the_controller(scene: RolloutScene, since: float) -> list[str]:
    """Deployments of the scene, once for each patch."""
    objects = [
        event["objectRef"] for event in scene.platform.cluster.writes_by(CONTROLLER, since) if event["verb"] == "patch"
    ]
    return [
        each["name"] for each in objects if each["resource"] == "deployments" and each["namespace"] == scene.namespace
    ]


@pytest.mark.timeout(600)
def test_load_that_triples_at_half_the_weight_is_followed_by_both_versions(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    began = time.time()
    deployed, first = scene.serve_first(**GATED, **SCALED, **HALF)
    second = scene.register(2.0)
    expectation = scene.expectation(first, second)
    with scene.traffic(expectation, rate=RATE, seconds=580) as base, Sizes(deployed) as sizes:
        scene.move(second)
        status = deployed.wait_paused(second, 50)
        time.sleep(MEASURED)
        before = floor(deployed.status())
        assert before >= LEAST
        with scene.traffic(expectation, rate=2 * RATE, seconds=580) as more:
            needed = grown(deployed, before)
            for version in (first, second):
                sizes.wait_ready(version, needed)
            on_trial = list(sizes.seen)
            deployed.promote(status)
            record = deployed.wait_for_end(second)
            deployed.wait_settled()
            results = [more.result(), base.result()]
    for result in results:
        result.assert_none_failed()
    assert record["completion"] == "Promoted"
    assert_never_below([each[first] for each in on_trial if first in each])
    wait_for("the floor of rest", lambda: sizes.now()[second].floor == LEAST or None, seconds=30)
    # Each was marked as promoted; how many pods it has is the autoscaler's to write.
    assert len(patched_by_the_controller(scene, began)) == 2
    assert record["message"] in told()


@pytest.mark.deep
@pytest.mark.timeout(600)
def test_load_that_triples_in_the_bake_finds_the_version_before_large_enough_when_it_goes_back(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**(GATED | {"bake": {"duration": "10m"}}), **SCALED, **by_steps(2, (50,)))
    second = scene.register(failing(2.0, share=0.3))
    silent = {second: 0.3}
    harmless = scene.expectation(first, second, questions=scene.questions(above=0.3), silent_below=silent)
    harmful = scene.expectation(first, second, silent_below=silent)
    with scene.traffic(harmless, rate=RATE, seconds=580) as base, Sizes(deployed) as sizes:
        scene.move(second)
        before = floor(deployed.wait_for_phase("Baking"))
        assert before >= LEAST
        with scene.traffic(harmless, rate=2 * RATE, seconds=580) as more:
            needed = grown(deployed, before)
            for version in (first, second):
                sizes.wait_ready(version, needed)
            in_the_bake = list(sizes.seen)
            with scene.traffic(harmful, rate=2 * RATE) as harm:
                more.stop()
                record = deployed.wait_for_end(second)
                back = sizes.now()[first]
                deployed.wait_settled()
                results = [each.result() for each in (base, more, harm)]
    for result in results:
        result.assert_none_failed()
    assert (record["completion"], record["reason"]) == ("RolledBack", "GateFailed")
    assert back.ready >= needed
    assert_never_below([each[first] for each in in_the_bake if first in each])
    wait_for("the floor of rest", lambda: sizes.now()[first].floor == LEAST or None, seconds=30)
    assert record["message"] in told()


def test_a_fixed_number_of_pods_becomes_an_automatic_one_and_fixed_again_without_a_rollout(scene: RolloutScene) -> None:
    deployed, first = scene.serve_first()
    attempt = deployed.status()["attempt"]
    with scene.traffic(scene.expectation(first), rate=RATE) as run:
        sizes = Sizes(deployed)
        deployed.edit(predictor={"maxReplicas": 4})
        wait_for("an autoscaler", lambda: sizes.now()[first].floor == LEAST or None, seconds=30)
        deployed.edit(predictor={"minReplicas": 3})
        sizes.wait_ready(first, 3)
        (name,) = deleted = [each["metadata"]["name"] for each in autoscalers(deployed)]
        deployed.cluster.kubectl("delete", "hpa,pdb", name, "-n", deployed.namespace)
        wait_for("it again", lambda: sizes.now()[first].floor == 3 or None, seconds=30)
        wait_for("its budget again", lambda: deployed.cluster.items("pdb", deployed.namespace) or None, seconds=30)
        assert deleted == [each["metadata"]["name"] for each in autoscalers(deployed)]
        deployed.edit(predictor={"maxReplicas": None})
        wait_for("no autoscaler", lambda: not autoscalers(deployed) or None, seconds=30)
        assert sizes.now()[first].asked == 3
        deployed.edit(predictor={"minReplicas": 1})
        wait_for("one pod", lambda: sizes.now()[first].asked == 1 or None, seconds=30)
        result = run.result()
    result.assert_none_failed()
    assert deployed.status()["attempt"] == attempt


def autoscalers(deployed: Deployed) -> list[Object]:
    return deployed.cluster.items("hpa", deployed.namespace)
