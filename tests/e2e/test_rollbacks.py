"""Versions that let users down, and go back by themselves: of 50 requests a second none may fail."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import comb

from penstock_contracts.names import LABEL_REVISION
from penstock_testing import faults
from penstock_testing.cluster import Object
from penstock_testing.expectation import Expectation
from penstock_testing.faulty_models import failing, hanging, hungry, slow
from penstock_testing.model_deployments import Deployed, gate_figures
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps, canary, pause, weight
from penstock_testing.traffic_result import TrafficResult

RATE = 50.0
GRACE = 0.2
"""Seconds after the status showed the end from which no request may reach the version."""
LIMITED: Object = {"timeout": "3s", "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}}}
"""Pods that leave processors for others whatever their model does. A first try takes a second at most."""


def tried(
    scene: RolloutScene,
    version: str,
    expectation: Expectation,
    *,
    meanwhile: Callable[[], AbstractContextManager[object]] = nullcontext,
    deadline_seconds: float = 2.0,
) -> tuple[Object, TrafficResult]:
    """Move the alias to a version under load, wait for the end of its attempt, and answer record and traffic."""
    deployed = scene.deployed()
    with scene.traffic(expectation, rate=RATE, deadline_seconds=deadline_seconds) as run:
        time.sleep(2)
        scene.move(version)
        with meanwhile():
            record = deployed.wait_for_end(version)
        ended = time.time() + GRACE
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert result.sent_after(ended, version) == 0
    return record, result


def assert_back(deployed: Deployed, first: str, record: Object, told: str) -> None:
    """Stable serves as before, and a person who asks is told why the other one does not."""
    status = deployed.status()
    assert record["completion"] == "RolledBack"
    assert status["stable"]["version"] == first
    assert not status.get("candidate")
    assert deployed.condition("Ready")["status"] == "True"
    stalled = deployed.condition("Stalled")
    assert (stalled["status"], stalled["reason"]) == ("True", "RolledBack")
    assert record["reason"] in told
    assert record["message"] in told


def failures(record: Object) -> tuple[int, int, dict[str, int]]:
    """Of the candidate, as the gate on errors saw them on trial: tries, failures, and these by kind."""
    (gate,) = (one for one in record["gates"] if one["name"] == "error-rate")
    assert gate["verdict"] == "fail"
    found = gate_figures(gate)
    kinds = {name.removeprefix("failures: "): count for name, count in found.items() if name.startswith("failures: ")}
    return gate["samples"], found["failures"], {kind: count for kind, count in kinds.items() if count}


def assert_plausible(failed: int, tries: int, *, share: float) -> None:
    """So many failures or more, and so many or fewer, are each at least one chance in 10,000 at that share.

    A trial ends at the look at which failures happen to be many, often after few tries: their share is no estimate.
    """
    chances = [comb(tries, count) * share**count * (1 - share) ** (tries - count) for count in range(tries + 1)]
    assert min(sum(chances[failed:]), sum(chances[: failed + 1])) > 1e-4, (failed, tries)


def test_a_version_that_answers_500_to_a_fifth_of_the_questions_goes_back(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, predictor={"minReplicas": 1}, **by_steps(4))
    second = scene.register(failing(2.0, share=0.2))
    record, result = tried(scene, second, scene.expectation(first, second, silent_below={second: 0.2}))
    assert_back(deployed, first, record, told())
    tries, failed, kinds = failures(record)
    assert record["reason"] == "GateFailed"
    assert kinds == {"500": failed}
    assert_plausible(failed, tries, share=0.2)
    assert result.by_version[second] > 0
    course = deployed.status()["course"]
    assert course["attempt"] == record["attempt"]
    assert course["gates"][0]["verdicts"].endswith("f")


def test_a_version_that_always_answers_500_reads_as_100_per_cent_errors_while_users_see_none(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, predictor={"minReplicas": 1}, **by_steps(4))
    second = scene.register(failing(2.0))
    record, result = tried(scene, second, scene.expectation(first, second, silent_below={second: 1.0}))
    assert_back(deployed, first, record, told())
    tries, failed, kinds = failures(record)
    assert record["reason"] == "GateFailed"
    assert failed == tries > 0
    assert kinds == {"500": failed}
    assert result.by_version.keys() == {first}


def test_a_version_that_exits_at_half_of_the_requests_goes_back(scene: RolloutScene, told: Callable[[], str]) -> None:
    deployed, first = scene.serve_first(**GATED, **canary(weight(5), pause(4), weight(50), pause()))
    second = scene.register(2.0)
    revision = ""

    def kill_its_pods() -> None:
        for pod in scene.platform.cluster.items("pods", scene.namespace, f"{LABEL_REVISION}={revision}"):
            faults.kill(scene.platform.cluster, pod)

    @contextmanager
    def exiting_at_50() -> Iterator[None]:
        nonlocal revision
        revision = deployed.wait_for_weight(second, 50)["candidate"]["revision"]
        with faults.Repeatedly(kill_its_pods, pause=1.0):
            yield

    record, result = tried(scene, second, scene.expectation(first, second), meanwhile=exiting_at_50)
    assert_back(deployed, first, record, told())
    assert record["reason"] in ("CandidateUnavailable", "GateFailed")
    assert result.by_version[second] > 0


def test_a_version_that_hangs_goes_back(scene: RolloutScene, told: Callable[[], str]) -> None:
    deployed, first = scene.serve_first(**GATED, predictor=LIMITED, **by_steps(4))
    second = scene.register(hanging(2.0))
    record, result = tried(scene, second, scene.expectation(first, second, silent_below={second: 1.0}))
    assert_back(deployed, first, record, told())
    _, failed, kinds = failures(record)
    assert kinds["timeout"] > failed / 2
    assert result.by_version.keys() == {first}


def test_a_version_that_is_too_slow_for_its_share_and_answers_429_goes_back(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    """Three questions a second are what it can answer; of 25 a second nearly all would wait past their time."""
    deployed, first = scene.serve_first(**GATED, predictor=LIMITED | {"timeout": "9s"}, **by_steps(4, (50,)))
    second = scene.register(slow(2.0, rounds=300))
    record, _ = tried(scene, second, scene.expectation(first, second), deadline_seconds=8.0)
    assert_back(deployed, first, record, told())
    assert record["reason"] == "GateFailed"
    assert failures(record)[2]["429"] > 0


def test_a_version_that_never_gets_ready_goes_back(scene: RolloutScene, told: Callable[[], str]) -> None:
    """Its container is killed for the memory that it takes, again and again."""
    small = {"resources": {"limits": {"memory": "256Mi"}}}
    deployed, first = scene.serve_first(**GATED, predictor=small, **by_steps(4))
    second = scene.register(hungry(2.0, mebibytes=200))
    deployed.edit(progressDeadline="12s")
    record, result = tried(scene, second, scene.expectation(first, second))
    assert_back(deployed, first, record, told())
    assert record["reason"] == "ProgressDeadlineExceeded"
    assert "12s" in record["message"]
    assert result.by_version.keys() == {first}
