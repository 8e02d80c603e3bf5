"""The pipeline's workflow as GitHub would run it, from its file: real MLflow, real registry, real build and push.

That its end is a rollout is shown on a cluster, by `tests/e2e/test_pipeline.py`. Here the outcome is written on the
version once the alias names it, in the controller's words.
"""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from fraud_detection.data import LABEL, MERCHANTS
from penstock_contracts.api.registry_write import AttemptOutcome
from penstock_controller.outcome_tag import outcome_tag
from penstock_controller.ports import ResourceKey
from penstock_testing.github_runner import GithubRunner, WorkflowRun
from penstock_testing.mlflow_server import mlflow_server
from penstock_testing.oci_registry import PASSWORD, USERNAME, OciRegistry
from penstock_testing.template_repository import TemplateRepository

pytestmark = pytest.mark.timeout(600)  # it installs, trains, and builds an image
MODEL = "fraud-detector"
RESOURCE = ResourceKey("payments", "fraud-detector")
BEFORE_MAIN = [
    "Check out",
    "Set up Python",
    "Install",
    "Get the data",
    "Validate the data",
    "Train",
    "Evaluate",
    "Test the model",
    "Keep the reports",
]
ON_MAIN = [
    "Log in to the image registry",
    "Build the image",
    "Push the image",
    "Move the alias",
    "Wait for the rollout",
]


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> GithubRunner:
    return GithubRunner.made(tmp_path_factory.mktemp("runner"))


@pytest.fixture
def repository(tmp_path: Path) -> TemplateRepository:
    return TemplateRepository.copied(tmp_path / "repository")


@pytest.fixture(scope="module")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An MLflow of these tests' own: some look at all that is in it."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow-of-workflows")) as server:
        yield server.uri


@pytest.fixture
def client(tracking_uri: str) -> mlflow.MlflowClient:
    """Before each test the registry is empty."""
    client = mlflow.MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    for model in client.search_registered_models():
        client.delete_registered_model(model.name)
    return client


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OciRegistry]:
    with OciRegistry(tmp_path_factory.mktemp("registry"), credentials=(USERNAME, PASSWORD)) as registry:
        yield registry


def run(
    runner: GithubRunner, repository: TemplateRepository, uri: str, images: OciRegistry, event: str = "push"
) -> WorkflowRun:
    """Run it with the settings that its head asks for."""
    variables = {"MLFLOW_TRACKING_URI": uri, "RESOURCE": str(RESOURCE), "IMAGE": f"{images.host}/fraud-detection"}
    secrets = {"REGISTRY_USERNAME": USERNAME, "REGISTRY_PASSWORD": PASSWORD}
    return runner.run(repository.folder, event=event, variables=variables, secrets=secrets)


def assert_stopped_at(step: str, came_to: WorkflowRun) -> None:
    """Nothing ran after it but what keeps the reports."""
    assert came_to.code != 0, came_to.log
    assert came_to.failed == [step], came_to.log
    assert list(came_to.steps) == [*BEFORE_MAIN[: BEFORE_MAIN.index(step) + 1], "Keep the reports"]


@contextmanager
def promoting(client: mlflow.MlflowClient) -> Iterator[None]:
    """While this lasts, the version that the alias comes to name is promoted: in the place of a cluster."""
    over = threading.Event()

    def promote() -> None:
        while not over.wait(0.2):
            try:
                version = client.get_model_version_by_alias(MODEL, "champion").version
            except MlflowException:
                continue
            outcome = AttemptOutcome(
                attempt=1,
                completion="Promoted",
                reason="Promoted",
                message=f"version {version} serves all requests",
                ended_at="2026-01-01T00:10:00Z",
            )
            tag = outcome_tag("", RESOURCE, outcome)
            client.set_model_version_tag(MODEL, version, tag.key, tag.value)
            return

    with ThreadPoolExecutor(1) as thread:
        promotion = thread.submit(promote)
        try:
            yield
        finally:
            over.set()
            promotion.result()


def with_wrong_amounts(frame: pd.DataFrame) -> pd.DataFrame:
    """What is a lot becomes little, and little a lot: amounts tell as much as before, the other way around."""
    typical = frame["merchant_category"].map({name: merchant.typical_amount for name, merchant in MERCHANTS.items()})
    return frame.assign(amount=(typical**2 / frame["amount"]).clip(0.5, 90_000).round(2))


def with_wrong_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """A part of the labels is of other rows."""
    generator = np.random.default_rng(1)
    labels = frame[LABEL].to_numpy()
    mixed = generator.random(len(frame)) < 0.6
    return frame.assign(**{LABEL: np.where(mixed, generator.permutation(labels), labels)})


def test_a_good_model_is_pushed_and_ends_promoted(
    runner: GithubRunner,
    repository: TemplateRepository,
    tracking_uri: str,
    client: mlflow.MlflowClient,
    images: OciRegistry,
) -> None:
    repository.write_data()
    commit = repository.commit()
    with promoting(client):
        came_to = run(runner, repository, tracking_uri, images)
    assert came_to.code == 0, came_to.log
    assert list(came_to.steps) == [*BEFORE_MAIN, *ON_MAIN]

    version = client.get_model_version_by_alias(MODEL, "champion")
    assert version.run_id
    assert f"version {version.version} serves all requests" in came_to.output["Wait for the rollout"]
    assert version.tags["pipeline.commit"] == commit
    kept = {file.path for file in client.list_artifacts(version.run_id)}
    assert "data-report.json" in kept, kept
    image = images.manifest("fraud-detection", commit)
    assert len(image["layers"]) > 1
    runner.drop_image(f"{images.host}/fraud-detection:{commit}")

    reports = runner.folder / "artifacts" / "reports"
    data, evaluation = (json.loads((reports / f"{name}.json").read_text()) for name in ("data-report", "evaluation"))
    assert (data["valid"], data["rows"], data["problems"]) == (True, 6000, [])
    assert client.get_run(version.run_id).data.params["data_sha256"] == data["sha256"]
    assert (evaluation["version"], evaluation["rows"]) == (str(version.version), 2000)
    assert evaluation["auc"] > 0.85
    assert 'failures="0"' in (reports / "model-tests.xml").read_text()


def test_bad_data_stops_at_validate_with_each_column_named(
    runner: GithubRunner,
    repository: TemplateRepository,
    tracking_uri: str,
    client: mlflow.MlflowClient,
    images: OciRegistry,
) -> None:
    repository.write_data(
        lambda frame: frame.assign(
            amount=frame["amount"].where(frame.index != 10, -5.0),
            device_type=frame["device_type"].where(frame.index % 2 == 0, "mobil"),
        ).drop(columns="card_country")
    )
    repository.commit()
    came_to = run(runner, repository, tracking_uri, images)
    assert_stopped_at("Validate the data", came_to)
    said = came_to.output["Validate the data"]
    assert "column amount must be between 0.01 and 100000 EUR: 1 rows are not, such as -5.0 in line 12" in said
    assert "column device_type must be one of terminal, mobile, desktop, tablet: 3000 rows are not" in said
    assert "column card_country must be there" in said
    assert client.search_registered_models() == []
    report = json.loads((runner.folder / "artifacts" / "reports" / "data-report.json").read_text())
    assert {problem["column"] for problem in report["problems"]} == {"amount", "device_type", "card_country"}


def test_a_model_below_the_bar_stops_at_evaluate_and_no_alias_names_it(
    runner: GithubRunner,
    repository: TemplateRepository,
    tracking_uri: str,
    client: mlflow.MlflowClient,
    images: OciRegistry,
) -> None:
    repository.write_data(with_wrong_labels)
    repository.commit()
    came_to = run(runner, repository, tracking_uri, images)
    assert_stopped_at("Evaluate", came_to)
    said = came_to.output["Evaluate"]
    assert "not good enough: AUC 0." in said
    assert "0.85 is needed (--min-auc)" in said
    assert client.get_registered_model(MODEL).aliases == {}


def test_a_pull_request_whose_model_misbehaves_stops_at_its_tests_and_registers_nothing_anywhere_else(
    runner: GithubRunner,
    repository: TemplateRepository,
    tracking_uri: str,
    client: mlflow.MlflowClient,
    images: OciRegistry,
) -> None:
    """Its AUC is as good as before: only the tests of its behaviour can tell."""
    repository.write_data(with_wrong_amounts)
    repository.commit()
    came_to = run(runner, repository, tracking_uri, images, event="pull_request")
    assert_stopped_at("Test the model", came_to)
    said = came_to.output["Test the model"]
    assert "test_a_higher_amount_is_more_suspicious" in said
    assert "the mean score falls while the amount doubles" in said
    assert client.search_registered_models() == []
    tests = (runner.folder / "artifacts" / "reports" / "model-tests.xml").read_text()
    assert 'failures="1"' in tests
