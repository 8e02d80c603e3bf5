"""The training set that the example's program makes with Feast, beside a join that knows nothing of Feast."""

import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fraud_detection.data import FEATURES
from fraud_detection.history import CARD, CREATED, EVENT_TIME, OF_CARDS, OF_USERS, TRANSACTION, USER, FeatureHistory
from penstock_testing.feast_repository import FeastRepository

pytestmark = pytest.mark.timeout(600)
"""Feast's commands take many seconds where the processors are busy."""
VIEWS = ((USER, "user_features", OF_USERS, 26 * 3600), (CARD, "transaction_features", OF_CARDS, 3 * 3600))


def known_at_the_time(past: FeatureHistory) -> dict[str, dict[str, Any]]:
    """By row, each feature's newest value that was true and written at the row's time, and not older than the ttl."""
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for key, table, features, ttl in VIEWS:
        written = defaultdict(list)
        for row in getattr(past, table).to_dict("records"):
            written[row[key]].append((row[EVENT_TIME].timestamp(), row))
        for asked in past.transactions.to_dict("records"):
            now = asked[EVENT_TIME].timestamp()
            of_key = [(at, row) for at, row in written[asked[key]] if now - ttl <= at <= now]
            before = [(at, row) for at, row in of_key if row[CREATED] <= asked[EVENT_TIME]]
            newest = max(before, key=lambda one: one[0])[1] if before else {}
            for feature in features:
                found[asked[TRANSACTION]][feature] = newest.get(feature)
    return found


@pytest.fixture(scope="session")
def made(repository: FeastRepository) -> tuple[pd.DataFrame, dict[str, Any], dict[str, Any]]:
    return repository.training_set()


def test_it_is_what_was_known_at_the_time_of_each_row(
    made: tuple[pd.DataFrame, dict[str, Any], dict[str, Any]], past: FeatureHistory
) -> None:
    rows, lookup, told = made
    expected = known_at_the_time(past)
    absent = dict.fromkeys((*OF_USERS, *OF_CARDS), 0)
    for row in rows.to_dict("records"):
        for feature, value in expected[row[TRANSACTION]].items():
            absent[feature] += value is None
            default = lookup["columns"][feature]["default"]
            assert row[feature] == (default if value is None else value), (row[TRANSACTION], feature)
    assert told == {"rows": len(past.transactions), "defaults": absent}
    assert min(absent.values()) > 0


def test_no_row_is_lost_and_labels_stay_beside_their_own_features(
    made: tuple[pd.DataFrame, dict[str, Any], dict[str, Any]], past: FeatureHistory
) -> None:
    """Of what Feast answers by itself, neither is true: rows past the ttl are gone, and of rows of one card at one time
    one is there.
    """
    given = past.transactions
    pd.testing.assert_frame_equal(made[0][list(given.columns)], given.reset_index(drop=True))
    assert not made[0][list(FEATURES)].isna().any().any()


def test_what_changes_after_the_event_changes_nothing(
    repository: FeastRepository, past: FeatureHistory, tmp_path: Path
) -> None:
    """Something new is written of a user a second after a transaction."""
    written = past.user_features[EVENT_TIME].max()
    since = past.transactions[past.transactions[EVENT_TIME] > written]
    one = since[since[USER] == since[USER].mode().iloc[0]].iloc[0]
    later = past.user_features[past.user_features[USER] == one[USER]].tail(1)
    later = later.assign(**{EVENT_TIME: one[EVENT_TIME] + pd.Timedelta(seconds=1), "account_age_days": 10**6})
    changed = FeatureHistory(
        user_features=pd.concat([past.user_features, later]),
        transaction_features=past.transaction_features,
        transactions=past.transactions,
    )
    before = repository.training_set()[0]
    defaults = repository.folder / "data" / "features.json"
    another = FeastRepository(tmp_path, changed)
    another.bring_online(datetime.now(UTC) - timedelta(minutes=1), datetime.now(UTC))
    rows = another.known(past.transactions, defaults)
    until = before[EVENT_TIME] <= one[EVENT_TIME]
    pd.testing.assert_frame_equal(rows[until], before[until])
    after = rows[(rows[USER] == one[USER]) & ~until]
    assert set(after["account_age_days"]) == {10**6}


def test_what_goes_with_the_model_says_what_the_views_say(
    made: tuple[pd.DataFrame, dict[str, Any], dict[str, Any]],
) -> None:
    _, lookup, _ = made
    assert (lookup["service"], lookup["entities"]) == ("fraud_detector", {"user_id": "string", "card_id": "string"})
    told = {name: (entry["feature"], entry["maxAge"]) for name, entry in lookup["columns"].items()}
    assert told == {name: (f"user_features:{name}", "26h") for name in OF_USERS} | {
        name: (f"transaction_features:{name}", "3h") for name in OF_CARDS
    }
    defaults = {name: entry["default"] for name, entry in lookup["columns"].items()}
    assert {name: type(value) for name, value in defaults.items()} == {
        "account_age_days": int,
        "failed_logins_last_7d": int,
        "transactions_last_24h": int,
        "minutes_since_last_transaction": float,
        "card_country": str,
    }
    assert not math.isnan(defaults["minutes_since_last_transaction"])
