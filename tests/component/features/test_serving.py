"""A version of the example behind a real predictor, its features in a real Feast: with SQLite and with Redis online."""

import asyncio
import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime
import pandas as pd
import pytest

from fraud_detection.data import FEATURES, onnx_inputs
from fraud_detection.history import CARD, EVENT_TIME, GIVEN, OF_CARDS, OF_USERS, TRANSACTION, USER
from penstock_contracts.model_card import ModelCard
from penstock_predictor.features.online_answer import found_values, question
from penstock_predictor.features.plan import Found, LookupPlan
from penstock_testing.feast_repository import FeastRepository, RedisServer

pytestmark = pytest.mark.timeout(600)
"""Feast's commands take many seconds where the processors are busy."""
StartProcess = Callable[..., Any]
LOOKED_UP = (*OF_USERS, *OF_CARDS)
HEADER = "x-penstock-features"
ASKED = 300
SLOW_SECONDS = 1.0
"""A busy machine is no slow feature store: only tests that are about the time-out have a short one."""


@pytest.fixture(scope="session")
def asked(repository: FeastRepository) -> pd.DataFrame:
    """Transactions that happen now; of some, neither the user nor the card was ever seen."""
    now = repository.past.transactions.tail(ASKED).assign(**{TRANSACTION: [f"now-{place}" for place in range(ASKED)]})
    unseen = now[TRANSACTION].isin(now[TRANSACTION].head(3))
    return now.assign(**{USER: now[USER].mask(unseen, "u99999"), CARD: now[CARD].mask(unseen, "c99999")})


def rows_of(asked: pd.DataFrame) -> list[dict[str, Any]]:
    """As a caller sends them: the keys, and what is known of the transaction itself."""
    rows: list[dict[str, Any]] = json.loads(asked[[USER, CARD, *GIVEN]].to_json(orient="records"))
    return rows


def known_offline(repository: FeastRepository, version: Path, asked: pd.DataFrame, at: datetime) -> pd.DataFrame:
    """What training would see of these transactions at a moment, with the version's defaults."""
    return repository.known(asked.assign(**{EVENT_TIME: pd.Timestamp(at)}), version / "features.json")


def card_in(version: Path) -> ModelCard:
    return ModelCard.model_validate_json((version / "card.json").read_bytes())


def known_online(url: str, version: Path, asked: pd.DataFrame) -> tuple[pd.DataFrame, datetime]:
    """What a predictor makes of the server's answer, and when."""
    card = card_in(version)
    assert card.features is not None
    plan = LookupPlan(card.features, card.columns or (), needs_store=True)
    rows = rows_of(asked)
    keys = plan.keys(rows)
    body = question(plan.service, plan.references, plan.entities, list(keys.values()))
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{url}/get-online-features", content=body, headers=headers, timeout=60, trust_env=False)
    at = datetime.now(UTC)
    found = found_values(answer.content, plan.references, len(keys))
    of_rows: list[Found] = list(zip(*(found[reference] for reference in plan.references), strict=True))
    by_place = {place: (key, of) for (place, key), of in zip(keys.items(), of_rows, strict=True)}
    done = plan.complete(rows, by_place, at.timestamp())
    return pd.DataFrame(done.rows), at


def test_the_version_carries_its_look_up(version: Path, repository: FeastRepository) -> None:
    card = card_in(version)
    assert card.features is not None
    _, lookup, _ = repository.training_set()
    assert card.features.model_dump(mode="json", exclude_none=True) == lookup
    assert "features.json" in {file.path for file in card.files}


@pytest.mark.parametrize("where", ["repository", "in_redis"], ids=["SQLite", "Redis"])
def test_online_answers_are_what_training_would_see_at_the_same_moment(
    where: str, version: Path, asked: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    repository: FeastRepository = request.getfixturevalue(where)
    with repository.serving() as url:
        online, at = known_online(url, version, asked)
    offline = known_offline(repository, version, asked, at)
    for feature in LOOKED_UP:
        assert online[feature].tolist() == offline[feature].tolist(), feature
    assert offline[CARD].isin(["c00000", "c00001", "c00002"]).any()  # whose values are too old: the default stands in


def test_predictions_are_those_of_the_model_on_what_training_would_see(
    version: Path, asked: pd.DataFrame, repository: FeastRepository, start_process: StartProcess
) -> None:
    with repository.serving() as feast:
        predictor = start_process("serve", model_dir=version, features_url=feast, features_timeout_seconds=SLOW_SECONDS)
        with httpx.Client(base_url=predictor.ready(), timeout=60) as client:
            answer = client.post("/predict", json={"instances": rows_of(asked)})
            scrape = client.get("/metrics").text
    assert answer.status_code == 200, answer.text
    offline = known_offline(repository, version, asked, datetime.now(UTC))
    session = onnxruntime.InferenceSession(version / "model.onnx", providers=["CPUExecutionProvider"])
    (expected,) = session.run(["probabilities"], onnx_inputs(offline[list(FEATURES)]))
    answered = np.array([row["probability"] for row in answer.json()["predictions"]])
    np.testing.assert_allclose(answered, np.asarray(expected), atol=1e-6)
    defaulted = int(dict(part.split("=") for part in answer.headers[HEADER].split("; "))["defaulted"])
    assert defaulted >= 3 * len(LOOKED_UP)
    assert 'penstock_predictor_features_missing_total{column="account_age_days"' in scrape


async def statuses(client: httpx.AsyncClient, rows: list[dict[str, Any]], *, rate: int) -> list[tuple[int, str]]:
    """Codes and headers of one request a row, so many a second, however slow the answers are."""

    async def one(place: int, row: dict[str, Any]) -> tuple[int, str]:
        await asyncio.sleep(place / rate)
        answer = await client.post("/predict", json={"features": row})
        return answer.status_code, answer.headers.get(HEADER, "")

    return list(await asyncio.gather(*(one(place, row) for place, row in enumerate(rows))))


async def test_redis_hangs_and_goes_and_no_request_fails(
    version: Path, asked: pd.DataFrame, in_redis: FeastRepository, redis: RedisServer, start_process: StartProcess
) -> None:
    """Without a value, the default stands in, and the answer says so; when Redis is back, so are the values."""
    rows = rows_of(asked[3:])
    with in_redis.serving() as feast:
        predictor = start_process("serve", model_dir=version, features_url=feast, features_timeout_seconds=0.5)
        url = await asyncio.to_thread(predictor.ready)
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            await statuses(client, rows[:20], rate=20)
            well = await statuses(client, rows[:100], rate=50)
            redis.process.send_signal(signal.SIGSTOP)
            hanging = await statuses(client, rows[:100], rate=50)
            redis.process.send_signal(signal.SIGCONT)
            async with asyncio.timeout(60):
                while "unavailable" in (await statuses(client, rows[:1], rate=1))[0][1]:
                    pass
            again = await statuses(client, rows[:20], rate=20)
            redis.end()
            gone = await statuses(client, rows[:100], rate=50)
    everything = [*well, *hanging, *again, *gone]
    assert {status for status, _ in everything} == {200}
    assert any(told.startswith("looked_up=5") for _, told in well)
    assert any(told.startswith("looked_up=5") for _, told in again)
    assert all(told.startswith("looked_up=0; defaulted=5; unavailable=") for _, told in hanging[-50:])
    assert {told.rpartition("=")[2] for _, told in hanging} >= {"timeout", "open"}
    assert all(told.startswith("looked_up=0; defaulted=5; unavailable=") for _, told in gone[-50:])
