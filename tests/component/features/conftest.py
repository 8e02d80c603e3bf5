"""A real Feast with a past that was drawn, and a version of the example that was trained on it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from fraud_detection.history import CARD, EVENT_TIME, USER, FeatureHistory, history
from penstock_predictor.fetch import Fetch
from penstock_testing.feast_repository import REDIS, FeastRepository, RedisServer
from penstock_testing.mlflow_server import MlflowServer, RegisteredVersion

from ..fraud_detection.conftest import monitor  # noqa: TID252 - a real drift monitor, as there
from ..model_store.conftest import Store, in_place_root, mlflow, start_store, store  # noqa: TID252 - a real store, as there
from ..predictor.conftest import start_process  # noqa: TID252 - and a real predictor

__all__ = ["in_place_root", "mlflow", "monitor", "start_process", "start_store", "store"]

ROWS = 3000
DAYS = 5


@pytest.fixture(scope="session")
def past() -> FeatureHistory:
    """Some cards were forgotten for the last hours, one user is unknown, and some transactions are of one moment."""
    drawn = history(ROWS, seed=4, until=datetime.now(UTC), users=120, days=DAYS)
    of_cards, of_users = drawn.transaction_features, drawn.user_features
    forgotten = of_cards[CARD].isin(sorted(of_cards[CARD].unique())[:5])
    recent = of_cards[EVENT_TIME] > of_cards[EVENT_TIME].max() - pd.Timedelta(hours=9)
    happened = drawn.transactions
    together = happened[happened[CARD] == happened[CARD].mode().iloc[0]].index[:4]
    happened.loc[together, EVENT_TIME] = happened.loc[together[0], EVENT_TIME]
    unknown = of_users[USER] == "u00007"
    return FeatureHistory(
        user_features=of_users[~unknown],
        transaction_features=of_cards[~(forgotten & recent)],
        transactions=happened,
    )


@pytest.fixture(scope="session")
def repository(past: FeatureHistory, tmp_path_factory: pytest.TempPathFactory) -> FeastRepository:
    """With SQLite online, and all that is known there."""
    made = FeastRepository(tmp_path_factory.mktemp("feast"), past)
    made.bring_online(datetime.now(UTC) - timedelta(days=DAYS + 2), datetime.now(UTC))
    return made


@pytest.fixture(scope="session")
def version(
    repository: FeastRepository, mlflow: MlflowServer, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a version as a pod has it: trained, logged with features.json, checked by the store, fetched."""
    repository.training_set()
    data = repository.folder / "data"
    command = [sys.executable, "-m", "fraud_detection", "train", "--tracking-uri", mlflow.uri]
    files = ["--training-set", str(data / "training_set.parquet"), "--features", str(data / "features.json")]
    done = subprocess.run([*command, *files], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    number = json.loads(done.stdout.splitlines()[-1])["version"]
    created = MlflowClient(tracking_uri=mlflow.uri).get_model_version("fraud-detector", number).creation_timestamp
    status = store.settled(RegisteredVersion(model="fraud-detector", version=number, created_at_ms=created))
    assert status.card, status
    folder = tmp_path_factory.mktemp("version")
    digest = status.card.digest
    Fetch(store_url=str(store.client.base_url), digest=digest, folder=folder, timeout_seconds=60).run()
    return folder


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """An online store that a test may do as it likes with."""
    server = RedisServer(tmp_path)
    yield server
    server.end()


@pytest.fixture
def in_redis(redis: RedisServer, past: FeatureHistory, tmp_path: Path) -> FeastRepository:
    """The same past, with Redis online."""
    made = FeastRepository(tmp_path / "feast", past, configuration=REDIS, redis=redis.address)
    made.bring_online(datetime.now(UTC) - timedelta(days=DAYS + 2), datetime.now(UTC))
    return made
