"""Skew between serving and training: nothing is found where there is none, and what was injected is found by its name.

A real Feast, a real predictor that records, a real drift monitor that keeps the records, and the example's program.
"""

import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from fraud_detection.history import CARD, CREATED, EVENT_TIME, GIVEN, OF_CARDS, OF_USERS, USER, FeatureHistory
from penstock_contracts.drift import DriftWish, ServedVersion
from penstock_contracts.features import FeatureLookup
from penstock_testing.example_version import write_example_version
from penstock_testing.feast_repository import FeastRepository

pytestmark = pytest.mark.timeout(600)
"""Feast's commands take many seconds where the processors are busy."""
StartProcess = Callable[..., Any]
LOOKED_UP = {*OF_USERS, *OF_CARDS}
ASKED = 120
LONG_AGO = timedelta(days=8)


@pytest.fixture(scope="session")
def trained(repository: FeastRepository) -> dict[str, Any]:
    """The features.json of training."""
    return repository.training_set()[1]


@pytest.fixture
def compared(
    repository: FeastRepository,
    trained: dict[str, Any],
    monitor: httpx.Client,
    start_process: StartProcess,
    tmp_path: Path,
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Serve rows from a store and compare them with training; answers the program's exit code, and what it found."""

    def compare(online: FeastRepository, lookup: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        version = write_example_version(tmp_path / "version", FeatureLookup.model_validate(lookup or trained), trees=10)
        name = tmp_path.name.replace("_", "-")[-30:]
        digest = json.loads((version / "card.json").read_text())["digest"]
        wish = DriftWish(stable=ServedVersion(digest=digest, version="1", revision="r1"))
        assert monitor.put(f"/v1/resources/payments/{name}", json=wish.model_dump()).status_code == 200
        records = {"records_url": str(monitor.base_url), "records_namespace": "payments", "records_name": name}
        with online.serving() as feast:
            more = {"features_url": feast, "features_timeout_seconds": 1.0, "records_revision": "r1"}
            url = start_process("serve", model_dir=version, **more, **records).ready()
            ask(url, repository.past)
        window = f"{monitor.base_url}/v1/window/payments/{name}"
        wait_for(lambda: len(httpx.get(f"{window}?lookups=true", trust_env=False).text.splitlines()) > ASKED)
        command = [str(repository.interpreter), "skew.py", window, "--trained", "data/features.json"]
        done = subprocess.run(
            command, cwd=repository.folder, env=repository.environment(), capture_output=True, text=True, check=False
        )
        assert done.stdout, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
        kept = monitor.get(f"/v1/skew/payments/{name}").json()
        assert (kept["comparison"]["features"].keys(), set(kept["skewed"])) == (LOOKED_UP, set(found["skewed"]))
        return done.returncode, found

    return compare


def ask(url: str, past: FeatureHistory) -> None:
    """One request a row, of transactions that happen now; a tenth is of a user of whom nothing is known."""
    asked = past.transactions.tail(ASKED)
    unknown = asked.index.isin(asked.index[: ASKED // 10])
    asked = asked.assign(**{USER: asked[USER].mask(unknown, "u00007")})
    rows = json.loads(asked[[USER, CARD, *GIVEN]].to_json(orient="records"))
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        for number, row in enumerate(rows):
            answer = client.post("/predict", json={"features": row}, headers={"x-request-id": f"r{number}"})
            assert answer.status_code == 200, answer.text


def wait_for(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not fact():
        assert time.monotonic() < end, "the records did not come"
        time.sleep(0.2)


def test_where_serving_and_training_see_the_same_nothing_is_found(
    compared: Callable[..., tuple[int, dict[str, Any]]], repository: FeastRepository
) -> None:
    code, found = compared(repository)
    assert (code, found["rows"], found["skewed"]) == (0, ASKED, [])
    assert {name: (one["compared"], one["differing"]) for name, one in found["features"].items()} == dict.fromkeys(
        LOOKED_UP, (ASKED, 0)
    )


def test_event_times_in_another_time_zone_are_found_with_their_hours(
    compared: Callable[..., tuple[int, dict[str, Any]]], past: FeatureHistory, tmp_path: Path
) -> None:
    """The job that writes the cards' features took local time, four hours ahead, for UTC."""
    of_cards = past.transaction_features
    ahead = of_cards.assign(**{name: of_cards[name] + pd.Timedelta(hours=4) for name in (EVENT_TIME, CREATED)})
    wrong = FeatureHistory(user_features=past.user_features, transaction_features=ahead, transactions=past.transactions)
    online = FeastRepository(tmp_path / "feast", wrong)
    online.bring_online(datetime.now(UTC) - LONG_AGO, datetime.now(UTC))
    code, found = compared(online)
    assert code == 3
    assert set(found["skewed"]) == {"transactions_last_24h", "minutes_since_last_transaction"}
    minutes = found["features"]["minutes_since_last_transaction"]
    assert minutes["hours"] == 4
    assert minutes["reasons"]["Shifted"] > 0.8 * minutes["differing"]


def test_another_default_than_in_training_is_found_at_its_feature(
    compared: Callable[..., tuple[int, dict[str, Any]]], repository: FeastRepository, trained: dict[str, Any]
) -> None:
    other = json.loads(json.dumps(trained))
    other["columns"]["account_age_days"]["default"] += 100
    code, found = compared(repository, other)
    assert (code, found["skewed"]) == (3, ["account_age_days"])
    assert found["features"]["account_age_days"]["reasons"].keys() == {"OtherDefault"}


def test_an_online_store_that_is_a_day_behind_is_found_with_its_age(
    compared: Callable[..., tuple[int, dict[str, Any]]],
    past: FeatureHistory,
    tmp_path: Path,
    trained: dict[str, Any],
) -> None:
    """Users' features are of yesterday's night, and within their maxAge; the cards' are too old for theirs."""
    online = FeastRepository(tmp_path / "feast", past)
    before_last_night = past.user_features[EVENT_TIME].max() - pd.Timedelta(minutes=30)
    last = min(before_last_night, pd.Timestamp.now("UTC") - pd.Timedelta(hours=6))
    online.bring_online(datetime.now(UTC) - LONG_AGO, last.to_pydatetime())
    lookup = json.loads(json.dumps(trained))
    lookup["columns"]["account_age_days"]["maxAge"] = "100h"
    code, found = compared(online, lookup)
    assert code == 3
    ages = found["features"]["account_age_days"]
    assert ages["reasons"].keys() == {"Behind"}
    assert 23 * 3600 < ages["behind_seconds"] < 49 * 3600
    minutes = found["features"]["minutes_since_last_transaction"]
    assert minutes["reasons"]["TooOld"] > 0.8 * minutes["differing"]
