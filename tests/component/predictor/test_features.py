"""Columns that a row lacks, looked up at a server over HTTP that answers like Feast's, or fails in its ways."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import CollectorRegistry

from penstock_contracts.features import FeatureLookup
from penstock_testing.faulty_server import FaultyExchange
from penstock_testing.feature_answers import FeatureAnswers, write_version

from .conftest import START_SECONDS, RunningApp, StartApp
from .test_records import SERVE_AND_TELL

NOW = datetime.now(UTC)
FRESH, OLD = NOW.isoformat(), (NOW - timedelta(hours=2)).isoformat()
VALUES = {
    "anna": {"count": (7, FRESH), "amount": (5.0, FRESH), "word": ("tea", OLD)},
    "bert": {"count": (8, OLD), "word": ("gin", FRESH)},
}
TOTAL = "penstock_predictor_features_{}_total"
CALLS = "penstock_predictor_feature_calls_total"


@pytest.fixture
async def store() -> AsyncIterator[FeatureAnswers]:
    async with FeatureAnswers(VALUES) as answers:
        yield answers


def counted(registry: CollectorRegistry, name: str, **labels: str) -> float:
    """A counter's value, whatever its other labels."""
    samples = [sample for family in registry.collect() for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())


async def asked(running: RunningApp, *rows: dict[str, Any]) -> httpx.Response:
    return await running.client.post("/predict", json={"instances": list(rows)})


def answered(response: httpx.Response) -> list[tuple[Any, ...]]:
    """What the model saw: count, amount and word of each row."""
    assert response.status_code == 200, response.text
    seen = [each["prediction"] for each in response.json()["predictions"]]
    return [(row["next"] - 1, None if row["half"] is None else row["half"] * 2, row["same"]) for row in seen]


def settings(store: FeatureAnswers, **more: Any) -> dict[str, Any]:
    # A busy machine is no slow feature store: only tests that are about the time-out have a short one.
    return {"features_url": store.url, "features_timeout_seconds": 1.0} | more


async def test_a_row_that_gives_its_key_is_completed(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers
) -> None:
    write_version(tmp_path)
    async with start_app(tmp_path, **settings(store)) as running:
        response = await asked(running, {"flag": True, "user_id": "anna"})
        assert answered(response) == [(7, 5.0, "tea")]
        assert response.headers["x-penstock-features"] == "looked_up=3"
        assert store.asked == [
            {
                "features": ["users:count", "users:amount", "users:word"],
                "entities": {"user_id": ["anna"]},
                "full_feature_names": True,
            }
        ]
        assert counted(running.registry, TOTAL.format("looked_up"), column="count") == 1


async def test_given_values_go_before_the_stores(tmp_path: Path, start_app: StartApp, store: FeatureAnswers) -> None:
    write_version(tmp_path)
    async with start_app(tmp_path, **settings(store)) as running:
        response = await asked(running, {"flag": True, "user_id": "anna", "count": 1, "amount": None})
        assert answered(response) == [(1, None, "tea")]
        assert response.headers["x-penstock-features"] == "looked_up=1"


async def test_a_whole_row_asks_nobody_and_may_name_its_key(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers
) -> None:
    write_version(tmp_path)
    async with start_app(tmp_path, **settings(store)) as running:
        whole = {"flag": True, "count": 1, "amount": 2.0, "word": "a", "user_id": "anna"}
        response = await asked(running, whole)
        assert answered(response) == [(1, 2.0, "a")]
        assert "x-penstock-features" not in response.headers
        listed = await running.client.post("/predict", json={"features": [True, 1, 2.0, "a"]})
        assert listed.status_code == 200
        assert store.asked == []


async def test_every_default_is_named_and_counted(tmp_path: Path, start_app: StartApp, store: FeatureAnswers) -> None:
    """bert's count is two hours old where one is allowed, and he has no amount; carl is unknown."""
    write_version(tmp_path)
    async with start_app(tmp_path, **settings(store)) as running:
        response = await asked(running, {"flag": True, "user_id": "bert"}, {"flag": False, "user_id": "carl"})
        assert answered(response) == [(40, None, "gin"), (40, None, "none")]
        told = "looked_up=1; defaulted=5; stale=count; missing=count,amount,word"
        assert response.headers["x-penstock-features"] == told
        by_column = {
            kind: [counted(running.registry, TOTAL.format(kind), column=name) for name in ("count", "amount", "word")]
            for kind in ("looked_up", "defaulted", "stale", "missing")
        }
        assert by_column == {
            "looked_up": [0, 0, 1],
            "defaulted": [2, 2, 1],
            "stale": [1, 0, 0],
            "missing": [1, 2, 1],
        }


@pytest.mark.parametrize(("user", "why"), [("carl", "the store has no value"), ("bert", "s old")])
async def test_a_value_that_must_be_there_is_refused_by_its_name(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers, user: str, why: str
) -> None:
    entry = {"feature": "users:count", "onMissing": "reject", "maxAge": "1h"}
    write_version(
        tmp_path, FeatureLookup.model_validate({"entities": {"user_id": "string"}, "columns": {"count": entry}})
    )
    async with start_app(tmp_path, **settings(store)) as running:
        row = {"flag": True, "user_id": user, "amount": 1.0, "word": "a"}
        response = await asked(running, row)
        assert response.status_code == 422
        assert "row 0: column 'count', looked up as users:count" in response.json()["error"]
        assert why in response.json()["error"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"flag": True}, "row 0: column 'count' is missing: give it, or 'user_id', by which it is looked up"),
        ({"flag": True, "user_id": 5}, "row 0: 'user_id', by which features are looked up: expected a string"),
        ({"user_id": "anna"}, "row 0: column 'flag' is missing"),
        ({"flag": True, "user_id": "anna", "hat": 1}, "row 0: unknown column 'hat'"),
    ],
    ids=["no key", "a key of another type", "a column that is not looked up", "an unknown column"],
)
async def test_what_cannot_be_completed_is_refused(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers, row: dict[str, Any], told: str
) -> None:
    write_version(tmp_path)
    async with start_app(tmp_path, **settings(store)) as running:
        response = await asked(running, row)
        assert response.status_code == 422
        assert told in response.json()["error"]


async def test_requests_that_come_together_are_looked_up_by_one_call(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers
) -> None:
    write_version(tmp_path)
    async with start_app(tmp_path, **settings(store)) as running:
        rows = [{"flag": True, "user_id": user} for user in ("anna", "bert", "anna", "carl")]
        responses = await asyncio.gather(*(asked(running, row) for row in rows))
        assert [answered(response)[0][2] for response in responses] == ["tea", "gin", "tea", "none"]
        assert [question["entities"]["user_id"] for question in store.asked] == [["anna", "bert", "carl"]]
        assert counted(running.registry, CALLS, outcome="answered") == 1


async def test_a_request_of_many_rows_has_several_calls(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers
) -> None:
    write_version(tmp_path)
    store.values = {f"u{number}": {"count": (number, FRESH)} for number in range(200)}
    async with start_app(tmp_path, **settings(store)) as running:
        response = await asked(running, *({"flag": True, "user_id": f"u{number}"} for number in range(200)))
        assert [row[0] for row in answered(response)] == list(range(200))
        assert [len(question["entities"]["user_id"]) for question in store.asked] == [64, 64, 64, 8]


async def test_much_text_is_read_and_completed_in_the_offload_thread(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers
) -> None:
    write_version(tmp_path)
    async with start_app(tmp_path, **settings(store)) as running:
        response = await asked(
            running, {"flag": True, "user_id": "anna"}, {"flag": True, "count": 1, "amount": 1.0, "word": "x" * 300_000}
        )
        assert [row[0] for row in answered(response)] == [7, 1]


async def test_a_connection_that_was_reset_is_made_anew_once(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers
) -> None:
    """As when a worker of Feast's server has had its 1,000 requests and is started anew."""
    write_version(tmp_path)
    async with start_app(tmp_path, **settings(store)) as running:
        store.faults.append(FaultyExchange.reset_in_the_middle)
        response = await asked(running, {"flag": True, "user_id": "anna"})
        assert answered(response) == [(7, 5.0, "tea")]
        assert len(store.asked) == 2
        store.faults.extend([FaultyExchange.reset_in_the_middle] * 2)
        response = await asked(running, {"flag": True, "user_id": "anna"})
        assert answered(response) == [(40, None, "none")]
        assert response.headers["x-penstock-features"] == "looked_up=0; defaulted=3; unavailable=connection"


async def _refused(exchange: FaultyExchange) -> None:
    await exchange.answer(b'"Feature nope not found"', status=500)


async def _foreign(exchange: FaultyExchange) -> None:
    await exchange.answer(b"{}")


@pytest.mark.parametrize(
    "failure",
    [
        (FaultyExchange.silence, "timeout"),
        (_refused, "status"),
        (_foreign, "answer"),
        (FaultyExchange.garbage, "connection"),
    ],
    ids=["it does not answer", "it answers 500", "it answers what is not its form", "it speaks another protocol"],
)
@pytest.mark.parametrize("reject", [False, True], ids=["Default", "Reject"])
async def test_a_store_that_gives_nothing_fails_no_request_that_has_defaults(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers, failure: tuple[Any, str], reject: bool
) -> None:
    fault, cause = failure
    write_version(tmp_path)
    more = {"features_timeout_seconds": 0.05, "features_on_unavailable": "Reject" if reject else "Default"}
    async with start_app(tmp_path, **settings(store, **more)) as running:
        store.faults.extend([fault] * 2)
        response = await asked(running, {"flag": True, "user_id": "anna"})
        assert counted(running.registry, CALLS, outcome=cause) == 1
        if reject:
            assert (response.status_code, response.headers["retry-after"]) == (503, "1")
            assert "row 0: column 'count' is not given, and the feature store gave nothing" in response.json()["error"]
        else:
            assert answered(response) == [(40, None, "none")]
            assert response.headers["x-penstock-features"] == f"looked_up=0; defaulted=3; unavailable={cause}"
        assert running.app.runtime.admission.requests == 0


async def test_after_five_failures_it_is_not_asked_for_a_second(
    tmp_path: Path, start_app: StartApp, store: FeatureAnswers
) -> None:
    write_version(tmp_path)
    async with start_app(tmp_path, **settings(store)) as running:
        store.faults.extend([_refused] * 5)
        row = {"flag": True, "user_id": "anna"}
        told = [(await asked(running, row)).headers["x-penstock-features"] for _ in range(6)]
        assert told[4:] == [
            "looked_up=0; defaulted=3; unavailable=status",
            "looked_up=0; defaulted=3; unavailable=open",
        ]
        assert len(store.asked) == 5
        async with asyncio.timeout(10):
            response = await asked(running, row)
            while "unavailable" in response.headers["x-penstock-features"]:
                response = await asked(running, row)
        assert answered(response) == [(7, 5.0, "tea")]


async def test_without_a_store_rows_must_be_whole(tmp_path: Path, start_app: StartApp) -> None:
    write_version(tmp_path)
    async with start_app(tmp_path) as running:
        assert (await asked(running, {"flag": True, "count": 1, "amount": 2.0, "word": "a"})).status_code == 200
        assert (await asked(running, {"flag": True, "user_id": "anna"})).status_code == 422
        families = {family.name for family in running.registry.collect()}
        assert not {name for name in families if "feature" in name}


def test_without_a_store_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    write_version(tmp_path)
    command = [sys.executable, "-c", SERVE_AND_TELL, str(tmp_path)]
    told = subprocess.run(command, check=True, timeout=START_SECONDS, capture_output=True, text=True)
    assert told.stdout.splitlines() == ["[]", "[]"]
