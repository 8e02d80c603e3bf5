"""A real Feast with a past that was drawn, and a version of the example that was trained on it."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from fraud_detection.history import CARD, EVENT_TIME, USER, FeatureHistory, history
from penstock_testing.feast_repository import FeastRepository

ROWS = 3000
DAYS = 5


@pytest.fixture(scope="session")
def past() -> FeatureHistory:
    """Some cards were forgotten for the last hours, and one user is unknown."""
    drawn = history(ROWS, seed=4, until=datetime.now(UTC), users=120, days=DAYS)
    of_cards, of_users = drawn.transaction_features, drawn.user_features
    forgotten = of_cards[CARD].isin(sorted(of_cards[CARD].unique())[:5])
    recent = of_cards[EVENT_TIME] > of_cards[EVENT_TIME].max() - pd.Timedelta(hours=9)
    unknown = of_users[USER] == "u00007"
    return FeatureHistory(
        user_features=of_users[~unknown],
        transaction_features=of_cards[~(forgotten & recent)],
        transactions=drawn.transactions,
    )


@pytest.fixture(scope="session")
def repository(past: FeatureHistory, tmp_path_factory: pytest.TempPathFactory) -> FeastRepository:
    """With SQLite online, and all that is known there."""
    made = FeastRepository(tmp_path_factory.mktemp("feast"), past)
    made.materialize(datetime.now(UTC) - timedelta(days=DAYS + 2), datetime.now(UTC))
    return made
