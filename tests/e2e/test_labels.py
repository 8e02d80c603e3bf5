"""Versions that are judged by labels which come later, and by live data against what they were trained on."""

import time
from collections.abc import Callable

from penstock_testing.artifacts import affine, with_reference
from penstock_testing.cluster import Object
from penstock_testing.faulty_models import SLOPE
from penstock_testing.model_deployments import gate_figures
from penstock_testing.ranking_models import ranking, truth_of
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import canary, mirror, pause, weight
from penstock_testing.trained import trained_on
from penstock_testing.truth import Truth

RECORDED: Object = {"minReplicas": 1, "logger": {"mode": "all"}}
AT_ONCE: Object = {"period": "0s", "interval": "1s"}
LATE_BY = 30.0
"""Seconds from an answer to its label."""


def test_a_version_that_ranks_less_well_goes_back_by_late_labels_and_an_equal_one_is_promoted(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    """Both answer 200 at once; nobody can know before the labels come, and no user gets an answer of the worse one."""
    gate: Object = {"name": "live-quality", "metric": "roc_auc", "deadline": "5m"}
    deployed, first = scene.serve_first(
        ranking(1.0),
        predictor=RECORDED,
        drift=AT_ONCE,
        analysis={"interval": "1s", "gates": [{"name": "error-rate", "minStepSamples": 1}, gate]},
        progressDeadline="40s",
        bake={"duration": "0s"},
        **canary(mirror(100), pause(1), weight(50), pause(1)),
    )
    worse, equal = scene.register(ranking(2.0, confused=0.2)), scene.register(ranking(3.0))
    questions = scene.questions(count=2000)
    with scene.traffic(scene.expectation(first, worse, equal, questions=questions), seconds=400.0) as run:
        with Truth(
            scene.platform.monitor().url,
            scene.namespace,
            "model",
            recording=run.plan.recording,
            labels=truth_of(questions),
            late_by=LATE_BY,
        ):
            time.sleep(2)
            scene.move(worse)
            record = deployed.wait_for_end(worse, 240)
            deployed.wait_settled()
            scene.move(equal)
            promoted = deployed.wait_for_end(equal, 240)
        result = run.result()
    result.assert_none_failed()
    assert result.by_version.keys() == {first, equal}
    assert (record["completion"], record["reason"]) == ("RolledBack", "GateFailed")
    assert record["message"].startswith("live-quality: roc_auc ")
    assert "lower by more than 0.02" in record["message"]
    assert record["message"] in told()
    (shown,) = (one for one in record["gates"] if one["name"] == "live-quality")
    (quality,) = (figure for figure in shown["figures"] if figure["name"] == "roc_auc")
    assert quality["stable"] - quality["candidate"] > 0.05
    assert (promoted["completion"], promoted["reason"]) == ("Promoted", "Promoted")
    (passed,) = (one for one in promoted["gates"] if one["name"] == "live-quality")
    assert (passed["verdict"], passed["reason"]) == ("pass", "WithinMargin")
    assert gate_figures(passed)["labelled pairs"] >= 500


def test_a_version_whose_predictions_are_unlike_its_sample_is_held_back_and_one_like_it_is_promoted(
    scene: RolloutScene,
) -> None:
    questions = scene.questions()
    elsewhere = [(0.5, 0.0, 100.0 + number) for number in range(2000)]
    gates: list[Object] = [{"name": "error-rate", "minSamples": 20, "minStepSamples": 1}]
    gates.append({"name": "drift", "deadline": "20s"})
    deployed, first = scene.serve_first(
        trained_on(questions, 31.0),
        predictor=RECORDED,
        drift=AT_ONCE,
        analysis={"interval": "1s", "gates": gates},
        bake={"duration": "0s"},
        **canary(weight(50), pause(1)),
    )
    unlike = scene.register(with_reference(affine(SLOPE, 32.0), "a,b,prediction", elsewhere))
    like = scene.register(trained_on(questions, 33.0))
    with scene.traffic(scene.expectation(first, unlike, like, questions=questions)) as run:
        time.sleep(2)
        scene.move(unlike)
        record = deployed.wait_for_end(unlike)
        deployed.wait_settled()
        scene.move(like)
        promoted = deployed.wait_for_end(like)
        result = run.result()
    result.assert_none_failed()
    assert (record["completion"], record["reason"]) == ("RolledBack", "ProgressDeadlineExceeded")
    assert "deadline of drift" in record["message"]
    assert "what it predicts is not as in its reference sample" in record["message"]
    assert promoted["completion"] == "Promoted"
    (passed,) = (one for one in promoted["gates"] if one["name"] == "drift")
    assert (passed["verdict"], passed["reason"]) == ("pass", "NoDrift")
