"""Gates beside the error rate, each on a version that answers every request with 200."""

import time
from collections.abc import Callable

from bench.verdicts.latencies import DOCUMENTED_MS
from bench.verdicts.rivals import PROMOTED, RIVALS
from bench.verdicts.traces import Scene
from penstock_contracts.names import LABEL_REVISION
from penstock_testing.faulty_models import asking_for, slow
from penstock_testing.model_deployments import gate_figures
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps, canary, mirror, pause, weight

ROUNDS = 20
"""Some milliseconds of arithmetic for each answer: far above what the gateway and the network take."""


def test_a_version_that_is_slower_by_sixty_per_cent_goes_back_and_no_user_gets_an_error(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    gates = {"interval": "1s", "gates": [{"name": "latency-p50", "margin": {"relative": "20%"}, "minSamples": 50}]}
    deployed, first = scene.serve_first(
        slow(1.0, rounds=ROUNDS), analysis=gates, bake={"duration": "0s"}, **canary(weight(50), pause(100))
    )
    second = scene.register(slow(2.0, rounds=round(1.6 * ROUNDS)))
    with scene.traffic(scene.expectation(first, second)) as run:
        time.sleep(2)
        scene.move(second)
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert result.by_version[second] > 0
    assert (record["completion"], record["reason"]) == ("RolledBack", "GateFailed")
    assert record["message"].startswith("latency-p50: ")
    assert "slower by more than 20 %" in record["message"]
    (gate,) = (one for one in record["gates"] if one["name"] == "latency-p50")
    assert gate_figures(gate)["tries above the threshold"] > 0
    assert record["message"] in told()


def test_a_version_with_another_input_tensor_never_gets_a_pod(scene: RolloutScene, told: Callable[[], str]) -> None:
    deployed, first = scene.serve_first(**GATED, **by_steps(4))
    second = scene.register(asking_for(2.0, tensor="z"))
    with scene.traffic(scene.expectation(first)) as run:
        time.sleep(1)
        scene.move(second)
        record = deployed.wait_for_end(second)
        result = run.result()
    result.assert_none_failed()
    assert result.by_version.keys() == {first}
    assert (record["completion"], record["reason"]) == ("Refused", "PreflightFailed")
    assert "'x'" in record["message"]
    status = deployed.status()
    assert status["stable"]["version"] == first
    assert deployed.condition("Stalled")["reason"] == "PreflightFailed"
    pods = scene.platform.cluster.items("pods", scene.namespace, LABEL_REVISION)
    assert {pod["metadata"]["labels"][LABEL_REVISION] for pod in pods} == {status["stable"]["revision"]}
    assert record["message"] in told()


def test_a_version_that_answers_200_and_wrongly_goes_back_before_any_user_sees_it(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    """Its answers are off by one: no error, as quick as stable, and copies of users' requests show it."""
    gate = {"name": "prediction-divergence", "compare": "Scores", "scale": 1, "max": "1%", "minStepSamples": 20}
    measured = {"name": "latency-p99", "dryRun": True}
    deployed, first = scene.serve_first(
        predictor={"minReplicas": 1, "logger": {"mode": "all"}},
        analysis={"interval": "1s", "gates": [{"name": "error-rate"}, measured, gate]},
        bake={"duration": "0s"},
        **canary(mirror(100), pause(100), weight(50), pause(5)),
    )
    second = scene.register(2.0)
    # The same input counts once in a minute: users ask many different ones.
    expectation = scene.expectation(first, second, questions=scene.questions(count=2000))
    with scene.traffic(expectation) as run:
        time.sleep(2)
        scene.move(second)
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert result.by_version.keys() == {first}
    assert (record["completion"], record["reason"]) == ("RolledBack", "GateFailed")
    assert record["message"].startswith("prediction-divergence: ")
    figures = {one["name"]: gate_figures(one) for one in record["gates"]}
    assert figures["error-rate"]["failures"] == 0
    assert record["message"] in told()
    # What Flagger and Argo Rollouts look at is well, so their rules would have promoted it.
    assert figures["latency-p99"]["p99, ms"] < DOCUMENTED_MS
    same = Scene(rate=200, errors=figures["error-rate"]["failures"] / figures["error-rate"]["tries"]).trace(seed=1)
    assert {rival.run(same).end for rival in RIVALS} == {PROMOTED}
