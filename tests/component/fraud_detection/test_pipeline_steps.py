"""The pipeline's last steps as its programs: what they make of a version's outcome in a real MLflow."""

import json
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


@pytest.fixture(scope="module")
def twins(mlflow_uri: str) -> tuple[str, str]:
    """Two versions with equal bytes, as of the same commit built twice. The alias names the first."""
    command = [sys.executable, "-m", "fraud_detection", "train", "--rows", "1500", "--registered-name", MODEL]
    versions = []
    for more in (["--alias", "champion"], []):
        done = subprocess.run(
            [*command, "--tracking-uri", mlflow_uri, *more], capture_output=True, text=True, timeout=200, check=True
        )
        versions.append(json.loads(done.stdout.splitlines()[-1])["version"])
    first, second = versions
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
    left(tmp_path, pipeline_state.CANDIDATE, second)
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


def test_a_step_whose_step_before_has_not_run_names_it(mlflow_uri: str, tmp_path: Path) -> None:
    for program, options, before in (
        ("evaluate.py", ("data.csv", "--min-auc", "0.85"), "train.py"),
        ("move_alias.py", (), "train.py"),
        ("wait_for_rollout.py", ("--resource", str(RESOURCE)), "move_alias.py"),
    ):
        done = step(tmp_path, mlflow_uri, program, *options)
        assert done.returncode == 1, program
        assert f"run {before} first" in done.stderr, program


def test_an_mlflow_that_is_away_is_named_at_once(tmp_path: Path) -> None:
    left(tmp_path, pipeline_state.CANDIDATE, "1")
    left(tmp_path, pipeline_state.AWAITED, "1")
    for program, options in (("move_alias.py", ()), ("wait_for_rollout.py", ("--resource", str(RESOURCE)))):
        done = step(tmp_path, "http://127.0.0.1:9", program, *options)
        assert done.returncode == 1, program
        assert "MLflow at http://127.0.0.1:9" in done.stderr, program
