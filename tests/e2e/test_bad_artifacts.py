"""Some of the table's bad artifacts, registered with the MLflow server in the cluster, while a good version serves.

The model store's component tests have all of them, over a real registry.
"""

from penstock_testing.artifacts import BAD_ARTIFACTS
from penstock_testing.cluster import Object
from penstock_testing.platform import wait_for
from penstock_testing.scenes import RolloutScene

LIMIT = 60.0
TRAVELLING = [artifact for artifact in BAD_ARTIFACTS if artifact.travels]
CHOSEN = (TRAVELLING[0], TRAVELLING[len(TRAVELLING) // 2], TRAVELLING[-1])


def test_a_bad_artifact_is_named_by_a_condition_and_the_serving_version_is_untouched(scene: RolloutScene) -> None:
    deployed, _ = scene.serve_first()
    before = deployed.status()["stable"]
    for artifact in CHOSEN:
        version = scene.register(artifact.build)
        scene.move(version)

        def refused(version: str = version) -> Object | None:
            status = deployed.status()  # once: condition and message of two reads may be of two passes
            stalled = next(item for item in status["conditions"] if item["type"] == "Stalled")
            found = stalled["status"] == "True" and f"version {version} is refused:" in status["message"]
            return status | {"stalled": stalled["reason"]} if found else None

        status = wait_for(f"Stalled by {artifact.name}", refused, seconds=LIMIT)
        assert status["stalled"] == artifact.reason
        assert artifact.names in status["message"]
        assert deployed.condition("Ready")["status"] == "True"
        assert deployed.status()["stable"] == before
