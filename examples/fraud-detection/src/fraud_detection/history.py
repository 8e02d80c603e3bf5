"""A feature store's past: what was known of users and cards at which time, and transactions that happened meanwhile."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from fraud_detection.data import FEATURES, LABEL, label, transactions

USER, CARD, EVENT_TIME, CREATED = "user_id", "card_id", "event_timestamp", "created"
TRANSACTION = "transaction_id"
OF_USERS = ("account_age_days", "failed_logins_last_7d")
"""Features in the view `user_features`, which a job writes each night."""
OF_CARDS = ("transactions_last_24h", "minutes_since_last_transaction", "card_country")
"""Features in the view `transaction_features`, which a job writes every two hours."""
GIVEN = tuple(name for name in FEATURES if name not in {*OF_USERS, *OF_CARDS})
"""Features that whoever asks knows of the transaction itself."""

NIGHT = pd.Timedelta(hours=24)
HOURS = pd.Timedelta(hours=2)
_WRITTEN_AFTER = pd.Timedelta(minutes=20)
"""A job takes so long: a value is there later than it was true."""
_CARDS_A_USER = 1.3


@dataclass(frozen=True, kw_only=True)
class FeatureHistory:
    """Three tables; times are in UTC."""

    user_features: pd.DataFrame
    """USER, EVENT_TIME, CREATED and OF_USERS."""
    transaction_features: pd.DataFrame
    """CARD, EVENT_TIME, CREATED and OF_CARDS."""
    transactions: pd.DataFrame
    """TRANSACTION, USER, CARD, EVENT_TIME, GIVEN and LABEL: what is looked up is not in it."""


def history(rows: int, *, seed: int, until: datetime, users: int = 400, days: int = 5) -> FeatureHistory:
    """Draw the past of so many days. Whether a transaction is fraud depends on what was true at its time."""
    rng = np.random.default_rng([seed, 2])
    end = pd.Timestamp(until).tz_convert("UTC").floor("s")
    user_ids = np.array([f"u{number:05d}" for number in range(users)])
    owners = rng.integers(0, users, round(users * _CARDS_A_USER))
    card_ids = np.array([f"c{number:05d}" for number in range(len(owners))])
    of_users = _written(rng, USER, user_ids, OF_USERS, end=end, days=days, every=NIGHT)
    of_cards = _written(rng, CARD, card_ids, OF_CARDS, end=end, days=days, every=HOURS)
    of_cards["card_country"] = of_cards.groupby(CARD)["card_country"].transform("first")
    cards = rng.integers(0, len(card_ids), rows)
    begin = end - pd.Timedelta(days=days - 1)
    seconds = np.sort(rng.integers(0, int((end - begin).total_seconds()), rows))
    happened = pd.DataFrame(
        {
            TRANSACTION: [f"t{seed}-{number:07d}" for number in range(rows)],
            USER: user_ids[owners[cards]],
            CARD: card_ids[cards],
            EVENT_TIME: begin + pd.to_timedelta(seconds, unit="s"),
        }
    )
    drawn = transactions(rows, seed=seed)[list(GIVEN)]
    known = as_of(as_of(happened.join(drawn), of_users, USER), of_cards, CARD)
    truth = label(known[list(FEATURES)], seed=seed)
    return FeatureHistory(
        user_features=of_users,
        transaction_features=of_cards,
        transactions=happened.join(drawn).assign(**{LABEL: truth}),
    )


def as_of(rows: pd.DataFrame, features: pd.DataFrame, key: str) -> pd.DataFrame:
    """Rows with the newest features of their key that were true at their time, whoever knew them by then."""
    known = features.drop(columns=CREATED).sort_values(EVENT_TIME)
    return pd.merge_asof(rows.sort_values(EVENT_TIME), known, on=EVENT_TIME, by=key).sort_values(TRANSACTION)


def _written(
    rng: np.random.Generator,
    key: str,
    ids: np.ndarray[tuple[int], np.dtype[np.str_]],
    features: tuple[str, ...],
    *,
    end: pd.Timestamp,
    days: int,
    every: pd.Timedelta,
) -> pd.DataFrame:
    """What a job wrote of each key, at every full interval until the end."""
    times = pd.date_range(end=end.floor(every), periods=int(pd.Timedelta(days=days + 1) / every), freq=every)
    rows = len(ids) * len(times)
    drawn = transactions(rows, seed=int(rng.integers(2**31)))[list(features)]
    at = np.tile(times, len(ids))
    # A job comes to one key after the other: their times differ by some minutes.
    jitter = pd.to_timedelta(np.repeat(rng.integers(-600, 0, len(ids)), len(times)), unit="s")
    written = pd.DataFrame({key: np.repeat(ids, len(times)), EVENT_TIME: pd.DatetimeIndex(at) + jitter})
    tables = [written.assign(**{CREATED: written[EVENT_TIME] + _WRITTEN_AFTER}), drawn]
    table = pd.concat(tables, axis="columns")
    return table[table[CREATED] <= end].reset_index(drop=True)
