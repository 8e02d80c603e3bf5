"""The pipeline's last steps as its programs: what they make of a version's outcome in a real MLflow."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from fraud_detection import pipeline_state
from fraud_detection.pipeline_state import VersionRef
from penstock_contracts.api.registry_write import AttemptOutcome
from penstock_controller.outcome_tag import outcome_tag
from penstock_controller.ports import ResourceKey
from penstock_testing.artifacts import affine
from penstock_testing.registered_models import RegisteredModels
from penstock_testing.template_repository import EXAMPLE

MODEL = "built-twice"
RESOURCE = ResourceKey("payments", "fraud-detector")
ROLLED_BACK = AttemptOutcome(
    attempt=7,
    completion="RolledBack",
    reason="GateFailed",
    message="error-rate: failed 14 of 61 tries (23 %), stable 0 of 1123 tries (0 %)",
    ended_at="2026-01-01T12:00:00Z",
)
PROMOTED = AttemptOutcome(
    attempt=6, completion="Promoted", reason="Promoted", message="it serves", ended_at="2026-01-01T11:00:00Z"
)


def step(folder: Path, uri: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run one of the example's programs in a folder, told of a page for GitHub's summary."""
    program, *options = command
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": uri,
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }
    return subprocess.run(
        [sys.executable, str(EXAMPLE / program), *options],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def client(mlflow_uri: str) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(tracking_uri=mlflow_uri, registry_uri=mlflow_uri)


@pytest.fixture
def twins(mlflow_uri: str, client: mlflow.MlflowClient) -> tuple[str, str]:
    """Two versions with equal bytes, as of the same commit built twice, and no more. The alias names the first."""
    if client.search_registered_models(f"name = '{MODEL}'"):
        client.delete_registered_model(MODEL)
    models = RegisteredModels(mlflow_uri)
    first, second = (models.register(MODEL, affine(2.0, 1.0)) for _ in range(2))
    models.move(MODEL, first)
    return first, second


def left(folder: Path, file: Path, version: str) -> None:
    """What an earlier step leaves."""
    pipeline_state.write(folder / file, VersionRef(model=MODEL, version=version))


def test_a_version_built_twice_is_not_rolled_out_again_and_a_rollback_of_the_first_fails_the_second_run(
    mlflow_uri: str, client: mlflow.MlflowClient, twins: tuple[str, str], tmp_path: Path
) -> None:
    first, second = twins
    tag = outcome_tag("west", RESOURCE, ROLLED_BACK)
    client.set_model_version_tag(MODEL, first, tag.key, tag.value)
    left(tmp_path, pipeline_state.TRAINED, second)
    moved = step(tmp_path, mlflow_uri, "move_alias.py")
    assert moved.returncode == 0, moved.stderr
    assert f"alias champion stays at version {first}: version {second} has the same bytes" in moved.stdout
    assert str(client.get_model_version_by_alias(MODEL, "champion").version) == first

    waited = step(tmp_path, mlflow_uri, "wait_for_rollout.py", "--resource", str(RESOURCE))
    assert waited.returncode == 3, waited.stderr
    assert waited.stderr.startswith(f"{MODEL} version {first} was not promoted:\n")
    record = "payments/fraud-detector on west, attempt 7: RolledBack (GateFailed) at 2026-01-01T12:00:00Z"
    for told in (waited.stderr, (tmp_path / "summary.md").read_text()):
        assert record in told
        assert ROLLED_BACK.message in told


def test_without_an_outcome_in_time_it_says_where_to_look(
    mlflow_uri: str, twins: tuple[str, str], tmp_path: Path
) -> None:
    left(tmp_path, pipeline_state.AWAITED, twins[1])
    waited = step(tmp_path, mlflow_uri, "wait_for_rollout.py", "--resource", str(RESOURCE), "--minutes", "0")
    assert waited.returncode == 4, waited.stderr
    assert f"MLflow has no outcome of {MODEL} version {twins[1]} at payments/fraud-detector yet" in waited.stderr
    assert "kubectl describe mdep fraud-detector -n payments" in waited.stderr


def test_an_mlflow_that_is_away_is_named_at_once(tmp_path: Path) -> None:
    left(tmp_path, pipeline_state.AWAITED, "1")
    waited = step(tmp_path, "http://127.0.0.1:9", "wait_for_rollout.py", "--resource", str(RESOURCE))
    assert waited.returncode == 1
    assert "MLflow at http://127.0.0.1:9" in waited.stderr


def test_a_revert_to_what_serves_moves_the_alias_and_waits_for_nothing(
    mlflow_uri: str, client: mlflow.MlflowClient, twins: tuple[str, str], tmp_path: Path
) -> None:
    first, second = twins
    models = RegisteredModels(mlflow_uri)
    bad = models.register(MODEL, affine(2.0, 5.0))
    for version, outcome in ((first, PROMOTED), (bad, ROLLED_BACK)):
        tag = outcome_tag("", RESOURCE, outcome)
        client.set_model_version_tag(MODEL, version, tag.key, tag.value)
    models.move(MODEL, bad)
    left(tmp_path, pipeline_state.TRAINED, second)
    assert step(tmp_path, mlflow_uri, "move_alias.py").returncode == 0
    assert str(client.get_model_version_by_alias(MODEL, "champion").version) == second
    waited = step(tmp_path, mlflow_uri, "wait_for_rollout.py", "--resource", str(RESOURCE))
    assert waited.returncode == 0, waited.stderr
    assert f"version {second} has the bytes of version {first}, which serves: no rollout" in waited.stdout


def test_another_version_gets_the_alias_and_is_waited_for(
    mlflow_uri: str, client: mlflow.MlflowClient, twins: tuple[str, str], tmp_path: Path
) -> None:
    other = RegisteredModels(mlflow_uri).register(MODEL, affine(2.0, 3.0))
    left(tmp_path, pipeline_state.TRAINED, other)
    moved = step(tmp_path, mlflow_uri, "move_alias.py")
    assert moved.returncode == 0, moved.stderr
    assert f"alias champion of {MODEL} names version {other} instead of {twins[0]}" in moved.stdout
    assert str(client.get_model_version_by_alias(MODEL, "champion").version) == other
    awaited = pipeline_state.read_version(tmp_path / pipeline_state.AWAITED, written_by="move_alias.py")
    assert awaited.version == other
