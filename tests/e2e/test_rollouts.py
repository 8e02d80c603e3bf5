"""New versions that are promoted, or that make room, at 50 requests a second of which none may fail."""

import time
from collections.abc import Callable

from penstock_testing import deep
from penstock_testing.cluster import Object
from penstock_testing.faulty_models import failing
from penstock_testing.model_deployments import Deployed, gate_figures
from penstock_testing.platform import wait_for
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import GATED, by_steps, canary, mirror, pause
from penstock_testing.timeline import Timeline

RATE = 50.0
ONE_POD: Object = {"predictor": {"minReplicas": 1}}
WEIGHTS = (5, 25, 50)
LEFT_AT = deep.several((25,), deep=WEIGHTS)
"""Weights of the steps at which an attempt is left for another."""
LOOK = 3.0
"""Seconds of traffic that an assertion about shares looks at."""
GRACE = 0.2
"""Seconds after the status showed a weight, or before it changed, that such an assertion leaves out."""


def ends(deployed_history: list[Object]) -> list[tuple[str, str]]:
    """Newest first, without the first version's."""
    return [(record["version"], record["completion"]) for record in deployed_history[:-1]]


def climb(deployed: Deployed, version: str, until: int | None = None) -> None:
    """Let that version go on from pause to pause, and stay in the one at `until`; None: in none of them."""
    for reached in WEIGHTS:
        status = deployed.wait_paused(version, reached)
        if reached == until:
            return
        deployed.promote(status)


def test_a_good_version_is_promoted_by_its_steps(scene: RolloutScene, told: Callable[[], str]) -> None:
    deployed, first = scene.serve_first(**GATED, **by_steps(2))
    second = scene.register(2.0)
    with scene.traffic(scene.expectation(first, second), rate=RATE) as run, Timeline(deployed) as timeline:
        time.sleep(2)
        scene.move(second)
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert result.by_version.keys() == {first, second}
    assert [each for each in timeline.weights(second) if each in WEIGHTS] == list(WEIGHTS)
    phases = timeline.phases()
    assert phases.index("Progressing") < phases.index("Promoting") < phases.index("Baking")
    assert phases[-1] == "Healthy"
    assert (record["completion"], record["reason"]) == ("Promoted", "Promoted")
    stages = ("preflight", "trial", "bake")
    assert [(gate["stage"], gate["verdict"]) for gate in record["gates"]] == [(stage, "pass") for stage in stages]
    assert [gate_figures(gate)["failures"] for gate in record["gates"][1:]] == [0, 0]
    text = told()
    assert record["message"] in text
    assert all(gate["message"] in text for gate in record["gates"])


def test_a_newer_version_at_a_step_takes_the_place_of_the_one_on_trial(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **by_steps())
    versions = [scene.register(2.0 + number) for number in range(len(LEFT_AT) + 1)]
    with scene.traffic(scene.expectation(first, *versions), rate=RATE) as run:
        for version, left_at in zip(versions, (*LEFT_AT, None), strict=True):
            scene.move(version)
            climb(deployed, version, left_at)
        deployed.wait_for_end(versions[-1])
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert ends(deployed.status()["history"]) == [
        (versions[-1], "Promoted"),
        *((version, "Superseded") for version in versions[-2::-1]),
    ]
    assert f"version {versions[-1]}" in told()


def test_an_edit_of_what_runs_at_a_step_begins_a_new_attempt_and_the_last_one_is_promoted(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **by_steps())
    second = scene.register(2.0)
    before = deployed.status()["attempt"]
    with scene.traffic(scene.expectation(first, second), rate=RATE) as run:
        scene.move(second)
        for number, edited_at in enumerate(LEFT_AT, start=1):
            climb(deployed, second, edited_at)
            deployed.edit(predictor={"timeout": f"{5 + number}s"})
            deployed.wait_for_attempt(before + number + 1)
        climb(deployed, second)
        deployed.wait_for_version(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    status = deployed.status()
    assert ends(status["history"]) == [(second, "Promoted"), *[(second, "Superseded")] * len(LEFT_AT)]
    assert status["attempt"] == before + len(LEFT_AT) + 1
    assert "Superseded" in told()


def test_an_edit_of_the_rollout_itself_at_each_step_lets_the_attempt_go_on(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **by_steps())
    second = scene.register(2.0)
    before = deployed.status()["attempt"]
    with scene.traffic(scene.expectation(first, second), rate=RATE) as run:
        scene.move(second)
        for number, reached in enumerate(WEIGHTS):
            status = deployed.wait_paused(second, reached)
            deployed.edit(revisionHistoryLimit=6 + number, bake={"duration": f"{2 + number}s"})
            deployed.promote(status)
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert (record["completion"], record["attempt"]) == ("Promoted", before + 1)
    assert deployed.status()["attempt"] == before + 1
    assert record["message"] in told()


def test_a_version_that_begins_to_fail_in_the_bake_goes_back_to_the_one_before(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**(GATED | {"bake": {"duration": "60s"}}), **ONE_POD, **by_steps(2, (50,)))
    second = scene.register(failing(2.0, share=0.3))
    silent = {second: 0.3}
    harmless = scene.expectation(first, second, questions=scene.questions(above=0.3), silent_below=silent)
    harmful = scene.expectation(first, second, silent_below=silent)
    with scene.traffic(harmless, rate=RATE) as before:
        scene.move(second)
        deployed.wait_for_phase("Baking")
        with scene.traffic(harmful, rate=RATE) as after:
            before.stop()
            record = deployed.wait_for_end(second)
            deployed.wait_settled()
            results = [before.result(), after.result()]
    for result in results:
        result.assert_none_failed()
    assert (record["completion"], record["reason"]) == ("RolledBack", "GateFailed")
    assert deployed.status()["stable"]["version"] == first
    assert record["message"] in told()


def test_a_version_in_the_shadow_answers_copies_and_testers_while_users_see_stable_only(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    strategy = canary(mirror(100), pause(), match=[{"headers": {"x-canary": "always"}}])
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **strategy)
    second = scene.register(2.0)
    testing = scene.questions(headers=lambda _: {"x-canary": "always"})
    users, testers = (scene.expectation(first, second, questions=each) for each in (scene.questions(), testing))
    with scene.traffic(users, rate=RATE) as users_run, scene.traffic(testers, rate=10) as testers_run:
        scene.move(second)
        deployed.wait_until("copies counted by the gate", lambda status: candidate_tries(status) >= RATE)
        status = deployed.wait_paused(second, 0)
        start = time.time() + GRACE
        time.sleep(LOOK)
        end = time.time() - GRACE
        # A reading may come between the two looks.
        wait_for("the count told", lambda: str(candidate_tries(deployed.status())) in told() or None, seconds=20)
        deployed.promote(status)
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        users_result, testers_result = users_run.result(), testers_run.result()
    users_result.assert_none_failed()
    testers_result.assert_none_failed()
    assert users_result.by_version_between(0, end).keys() == {first}
    assert testers_result.by_version_between(start, end).keys() == {second}
    assert record["completion"] == "Promoted"
    assert record["message"] in told()


def candidate_tries(status: Object) -> int:
    return sum(gate["samples"] for gate in status.get("gates", []))


def test_blue_green_shows_the_new_version_to_previewers_and_then_gives_it_everything_at_once(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    deployed, first = scene.serve_first(**GATED, **ONE_POD, strategy={"blueGreen": {}})
    second = scene.register(2.0)
    previewing = scene.questions(headers=lambda _: {"x-preview": "always"})
    users, previewers = (scene.expectation(first, second, questions=each) for each in (scene.questions(), previewing))
    with (
        scene.traffic(users, rate=RATE) as users_run,
        scene.traffic(previewers, rate=10) as previewers_run,
        Timeline(deployed) as timeline,
    ):
        scene.move(second)
        status = deployed.wait_paused(second, 0)
        start = time.time() + GRACE
        time.sleep(LOOK)
        end = time.time() - GRACE
        deployed.promote(status)
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        users_result, previewers_result = users_run.result(), previewers_run.result()
    users_result.assert_none_failed()
    previewers_result.assert_none_failed()
    assert users_result.by_version_between(0, end).keys() == {first}
    assert previewers_result.by_version_between(start, end).keys() == {second}
    assert set(timeline.weights(second)) <= {0, 100}
    assert record["completion"] == "Promoted"
    assert record["message"] in told()


def test_a_user_keeps_the_version_while_the_weight_stays_and_never_goes_back_while_it_grows(
    scene: RolloutScene, told: Callable[[], str]
) -> None:
    strategy = by_steps(None, (25, 50))
    strategy["strategy"]["canary"]["stickiness"] = {"header": "x-user-id"}
    deployed, first = scene.serve_first(**GATED, **ONE_POD, **strategy)
    second = scene.register(2.0)
    users = scene.questions(count=100, headers=lambda number: {"x-user-id": f"user-{number}"})
    seen: list[tuple[float, float]] = []
    with scene.traffic(scene.expectation(first, second, questions=users), rate=RATE) as run:
        scene.move(second)
        for reached in (25, 50):
            status = deployed.wait_paused(second, reached)
            start = time.time() + GRACE
            time.sleep(LOOK)
            seen.append((start, time.time() - GRACE))
            deployed.promote(status)
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    quarter, half = ([result.versions_between(user, *span) for user in range(len(users))] for span in seen)
    assert all(len(versions) == 1 for versions in quarter + half)
    on_trial, then = ({user for user, versions in enumerate(each) if second in versions} for each in (quarter, half))
    assert on_trial < then
    assert 10 <= len(on_trial) <= 40
    assert 35 <= len(then) <= 65
    assert record["completion"] == "Promoted"
    assert record["message"] in told()
