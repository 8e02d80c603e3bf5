"""The kubectl plugin as people use it: the real kubectl finds it in PATH, and the real controller answers it."""

import hashlib
import json
from collections.abc import Callable

from penstock_testing.plugin import through_kubectl
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import canary, pause, weight


def plugin(scene: RolloutScene, *words: str, code: int = 0) -> str:
    """What `kubectl penstock` prints; `code`: the exit code that it must have."""
    done = through_kubectl(scene.platform.cluster, *words, "-n", scene.namespace)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_rollout_is_seen_held_and_ended_by_kubectl_penstock(scene: RolloutScene, told: Callable[[], str]) -> None:
    strategy = canary(weight(20), pause())
    deployed, first = scene.serve_first(analysis={"gates": []}, **strategy)
    second = scene.register(2.0)

    with scene.traffic(scene.expectation(first, second)) as run:
        assert "denied in phase Healthy" in plugin(scene, "abort", "model", code=1)
        scene.move(second)
        deployed.wait_paused(second, 20)
        seen = json.loads(plugin(scene, "status", "model", "-o", "json"))
        shares = [(each["role"], each["version"], each["weight"]) for each in seen["revisions"]]
        assert shares == [("stable", first, 80), ("candidate", second, 20)]
        assert all(each["ready"] == each["pods"] > 0 for each in seen["revisions"])
        assert "kubectl penstock promote model" in plugin(scene, "status", "model")
        # The same word at the same place: refused first, heard later.
        assert "denied in phase Paused: no person has paused it" in plugin(scene, "resume", "model", code=1)
        for _ in range(2):
            assert "accepted in phase Paused" in plugin(scene, "pause", "model")
            assert "accepted in phase Paused" in plugin(scene, "resume", "model")
        assert "penstock.dev/abort=" in plugin(scene, "abort", "model")
        record = deployed.wait_for_end(second)
        deployed.wait_settled()
        result = run.result()
    result.assert_none_failed()
    assert record["completion"] == "Aborted"
    assert "Aborted" in plugin(scene, "history", "model")
    compared = plugin(scene, "diff", "model", str(record["attempt"]), "stable").splitlines()
    assert f"  -version: {second}" in compared
    assert record["message"] in told()


def test_versions_are_promoted_compared_taken_two_back_and_retried_by_kubectl_penstock(scene: RolloutScene) -> None:
    strategy = canary(weight(20), pause(), weight(50), pause())
    one_pod, long = {"minReplicas": 1}, {"duration": "600s"}
    deployed, first = scene.serve_first(predictor=one_pod, analysis={"gates": []}, bake=long, **strategy)
    second, third = scene.register(2.0), scene.register(3.0)

    def promoted(version: str) -> None:
        deployed.wait_paused(version, 20)
        assert "accepted in phase Paused" in plugin(scene, "promote", "model", "--full")
        deployed.wait_for_phase("Baking")
        assert "accepted in phase Baking" in plugin(scene, "promote", "model")
        deployed.wait_for_phase("Healthy")

    with scene.traffic(scene.expectation(first, second, third)) as run:
        scene.move(second)
        deployed.wait_paused(second, 20)
        assert "accepted in phase Paused" in plugin(scene, "promote", "model")
        deployed.wait_paused(second, 50)
        assert_cards_are_compared(scene, first, second)
        plugin(scene, "promote", "model", "--full")
        deployed.wait_for_phase("Baking")
        plugin(scene, "promote", "model")
        deployed.wait_for_phase("Healthy")
        scene.move(third)
        promoted(third)
        unknown = plugin(scene, "undo", "model", "--to-version", "99", code=1)
        assert f"version 99 is not among those in status.history that served: {third}, {second}, {first}" in unknown
        plugin(scene, "undo", "model", "--to-version", first)
        promoted(first)
        status = deployed.status()
        plugin(scene, "retry", "model")
        promoted(third)
        result = run.result()
    result.assert_none_failed()
    assert (status["stable"]["version"], status["hold"]["refusedVersion"]) == (first, third)
    assert (deployed.status()["stable"]["version"], deployed.status().get("hold")) == (third, None)


def assert_cards_are_compared(scene: RolloutScene, stable: str, candidate: str) -> None:
    """`diff` reads both cards from the store that runs: they name the files by what is in them."""
    compared = plugin(scene, "diff", "model", "stable", "candidate").splitlines()
    model = compared[compared.index("model:") :]
    for sign, version in (("-", stable), ("+", candidate)):
        content = scene.registry.download(scene.model, version, scene.folder / f"compared-{version}").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert f"  {sign}file model.onnx: {len(content)} bytes, sha256 {digest}" in model
