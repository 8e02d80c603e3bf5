"""The kubectl plugin as people use it: the real kubectl finds it in PATH, and the real controller answers it."""

import json
from collections.abc import Callable

from penstock_testing.plugin import through_kubectl
from penstock_testing.scenes import Scene
from penstock_testing.strategies import canary, pause, weight


def test_a_rollout_is_seen_held_and_ended_by_kubectl_penstock(scene: Scene, told: Callable[[], str]) -> None:
    strategy = canary(weight(20), pause())
    deployed, first = scene.serve_first(analysis={"gates": []}, **strategy)
    second = scene.register(2.0)

    def plugin(*words: str, code: int = 0) -> str:
        done = through_kubectl(scene.platform.cluster, *words, "-n", scene.namespace)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    with scene.traffic(scene.expectation(first, second)) as run:
        assert "refused in phase Healthy" in plugin("abort", "model", code=1)
        scene.move(second)
        deployed.wait_paused(second, 20)
        seen = json.loads(plugin("status", "model", "-o", "json"))
        shares = [(each["role"], each["version"], each["weight"]) for each in seen["revisions"]]
        assert shares == [("stable", first, 80), ("candidate", second, 20)]
        assert all(each["ready"] == each["pods"] > 0 for each in seen["revisions"])
        assert "kubectl penstock promote model" in plugin("status", "model")
        # The same word at the same place: refused first, heard later.
        assert "refused in phase Paused: no person has paused it" in plugin("resume", "model", code=1)
        for _ in range(2):
            assert "heard in phase Paused" in plugin("pause", "model")
            assert "heard in phase Paused" in plugin("resume", "model")
        assert "penstock.dev/abort=" in plugin("abort", "model")
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert record["completion"] == "Aborted"
    assert "Aborted" in plugin("history", "model")
    compared = plugin("diff", "model", str(record["attempt"]), "stable").splitlines()
    assert f"  -version: {second}" in compared
    assert record["message"] in told()
