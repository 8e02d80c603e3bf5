"""The example's pipeline against a cluster: each push ends in a rollout, and the run in what came of that."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient

from fraud_detection import pipeline_state
from fraud_detection.data import instances
from fraud_detection.pipeline_state import VersionRef
from penstock_testing.github_runner import GithubRunner, WorkflowRun
from penstock_testing.model_deployments import Deployed, model_deployment
from penstock_testing.oci_registry import PASSWORD, USERNAME
from penstock_testing.scenes import RolloutScene
from penstock_testing.strategies import BRIEF, GATED, by_steps
from penstock_testing.template_repository import TemplateRepository

pytestmark = pytest.mark.timeout(900)  # three trainings, three builds and three rollouts
NAME = "fraud-detector"
NEW_COUNTRY = "IT"
"""No training row has it: the tests of the model do not, either."""
PAUSE = 0.02
"""Seconds between two requests of one user; there are two."""


class Cardholders:
    """They ask until they are told to stop. One in five transactions comes from a country that is new."""

    def __init__(self, url: str) -> None:
        self._url, self._over = url, threading.Event()
        self.statuses: list[int] = []

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While this lasts, they ask."""
        with ThreadPoolExecutor(2) as users:
            asked = [users.submit(self._ask, seed) for seed in (1, 2)]
            try:
                yield
            finally:
                self._over.set()
                for each in asked:
                    each.result()

    def _ask(self, seed: int) -> None:
        transactions = instances(500, seed=seed)
        with httpx.Client(timeout=10, trust_env=False) as client:
            while True:
                for number, transaction in enumerate(transactions):
                    if self._over.wait(PAUSE):
                        return
                    new = {"card_country": NEW_COUNTRY} if number % 5 == 0 else {}
                    self.statuses.append(client.post(self._url, json={"features": transaction | new}).status_code)


@pytest.fixture
def runner(scene: RolloutScene, tmp_path: Path) -> GithubRunner:
    """With a cluster that is not ours, images are pushed by the docker that made the others."""
    (tmp_path / "runner").mkdir()
    if scene.platform.cluster.name:
        return GithubRunner.made(tmp_path / "runner")
    return GithubRunner.made(tmp_path / "runner", docker=None)


def settings(scene: RolloutScene) -> dict[str, str]:
    return {
        "MLFLOW_TRACKING_URI": scene.platform.mlflow().url,
        "MODEL": scene.model,
        "RESOURCE": f"{scene.namespace}/{NAME}",
        "IMAGE": f"{scene.platform.cluster.registry}/penstock/pipeline",
    }


def serve(scene: RolloutScene) -> Deployed:
    """A resource that waits for the alias: nothing is registered yet."""
    spec = {**GATED, **by_steps(1, (50,)), "predictor": BRIEF | {"minReplicas": 1}}
    scene.platform.cluster.apply(model_deployment(NAME, scene.namespace, scene.model, **spec))
    return scene.deployed(NAME)


def registry_copy(scene: RolloutScene, version: str) -> str:
    """Register a version's files again, as the same training does."""
    client = MlflowClient(tracking_uri=scene.platform.mlflow().url, registry_uri=scene.platform.mlflow().url)
    original = client.get_model_version(scene.model, version)
    assert original.source
    logged = original.source.removeprefix("models:/")
    copy = client.create_model_version(scene.model, original.source, original.run_id, model_id=logged)
    return str(copy.version)


def test_a_push_ends_promoted_and_one_whose_model_fails_users_ends_rolled_back_with_the_record(
    scene: RolloutScene, runner: GithubRunner, tmp_path: Path
) -> None:
    deployed = serve(scene)
    repository = TemplateRepository.copied(tmp_path / "repository")

    def push(seed: int) -> WorkflowRun:
        """With the data of another day."""
        repository.write_data(seed=seed)
        commit = repository.commit()
        secrets = {"REGISTRY_USERNAME": USERNAME, "REGISTRY_PASSWORD": PASSWORD}
        came_to = runner.run(repository.folder, variables=settings(scene), secrets=secrets)
        runner.drop_image(f"{settings(scene)['IMAGE']}:{commit}")
        return came_to

    # The first version, by somebody without GitHub.
    repository.write_data(seed=1)
    image = f"{settings(scene)['IMAGE']}:by-hand"
    made = runner.make(repository.folder, "pipeline", settings(scene) | {"IMAGE": image})
    runner.drop_image(image)
    assert made.returncode == 0, made.stdout + made.stderr
    assert f"{scene.namespace}/{NAME} on tests, attempt 1: Promoted (Promoted)" in made.stdout
    assert deployed.status()["stable"]["version"] == "1"

    cardholders = Cardholders(f"{scene.platform.gateway().url}/{scene.namespace}/{NAME}/predict")
    with cardholders.asking():
        promoted = push(seed=2)
        assert promoted.code == 0, promoted.log
        assert "attempt 2: Promoted (Promoted)" in promoted.output["Wait for the rollout"]
        assert deployed.status()["stable"]["version"] == "2"
        deployed.wait_settled()

        # One word, and a country that was not there in training is an error. No test of the model asks for one.
        repository.edit("src/fraud_detection/pipeline.py", 'handle_unknown="ignore"', 'handle_unknown="error"')
        back = push(seed=3)
        assert back.code != 0
        assert back.failed == ["Wait for the rollout"], back.log
        said = back.output["Wait for the rollout"]
        assert f"{scene.model} version 3 was not promoted:" in said
        assert "attempt 3: RolledBack (GateFailed)" in said
        assert deployed.status()["history"][0]["message"] in said
        assert deployed.status()["stable"]["version"] == "2"
        deployed.wait_settled()

        # The revert trains the bytes that serve: there is no rollout to wait for.
        reverted = registry_copy(scene, "2")
        pipeline_state.write(
            repository.folder / pipeline_state.TRAINED, VersionRef(model=scene.model, version=reverted)
        )
        for target in ("move-alias", "wait"):
            made = runner.make(repository.folder, target, settings(scene))
            assert made.returncode == 0, made.stdout + made.stderr
        assert f"version {reverted} has the bytes of version 2, which serves: no rollout" in made.stdout
        deployed.wait_for_version(reverted)
    assert set(cardholders.statuses) == {200}
