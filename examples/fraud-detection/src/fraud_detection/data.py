"""Card transactions with a known truth: the same seed gives the same rows, on every machine."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Labels = npt.NDArray[np.int64]
Scores = npt.NDArray[np.float64]

LABEL = "label"
CATEGORICAL = ("merchant_category", "device_type", "card_entry", "card_country")
INTEGER = ("hour_of_day", "account_age_days", "transactions_last_24h", "failed_logins_last_7d")
DECIMAL = ("amount", "distance_from_home_km", "minutes_since_last_transaction")
FEATURES = (*DECIMAL, *INTEGER, *CATEGORICAL)
"""The columns of a transaction, in the order of the model's signature."""


@dataclass(frozen=True, kw_only=True)
class Category:
    """A value of a categorical feature."""

    share: float
    """Of all transactions, before drift; relative to the other values."""
    drifted_share: float
    """The same when drift is 1."""
    log_odds: float = 0.0
    """What the value alone adds to the log-odds of fraud."""
    typical_amount: float = 0.0
    """Median amount in EUR; merchant categories only."""


MERCHANTS = {
    "grocery": Category(share=0.30, drifted_share=0.18, log_odds=-0.8, typical_amount=32.0),
    "restaurant": Category(share=0.20, drifted_share=0.12, log_odds=-0.5, typical_amount=28.0),
    "fuel": Category(share=0.13, drifted_share=0.08, log_odds=-0.2, typical_amount=55.0),
    "clothing": Category(share=0.13, drifted_share=0.14, log_odds=0.0, typical_amount=60.0),
    "electronics": Category(share=0.09, drifted_share=0.16, log_odds=1.0, typical_amount=180.0),
    "travel": Category(share=0.07, drifted_share=0.14, log_odds=0.6, typical_amount=260.0),
    "gaming": Category(share=0.05, drifted_share=0.11, log_odds=0.9, typical_amount=25.0),
    "gift_cards": Category(share=0.03, drifted_share=0.07, log_odds=1.8, typical_amount=75.0),
}
DEVICES = {
    "terminal": Category(share=0.55, drifted_share=0.30, log_odds=-0.6),
    "mobile": Category(share=0.28, drifted_share=0.50, log_odds=0.2),
    "desktop": Category(share=0.13, drifted_share=0.15, log_odds=0.4),
    "tablet": Category(share=0.04, drifted_share=0.05, log_odds=0.1),
}
AT_TERMINAL = {
    "chip": Category(share=0.40, drifted_share=0.25),
    "contactless": Category(share=0.55, drifted_share=0.72),
    "magstripe": Category(share=0.05, drifted_share=0.03),
}
ENTRY_LOG_ODDS = {"chip": -0.8, "contactless": -0.2, "magstripe": 1.6, "online": 0.5}
COUNTRIES = {
    "DE": Category(share=0.62, drifted_share=0.50, log_odds=-0.3),
    "FR": Category(share=0.12, drifted_share=0.12),
    "NL": Category(share=0.09, drifted_share=0.10),
    "PL": Category(share=0.07, drifted_share=0.10),
    "GB": Category(share=0.06, drifted_share=0.08, log_odds=0.2),
    "US": Category(share=0.04, drifted_share=0.10, log_odds=1.1),
}

DAWN = 6
"""The night ends at this hour."""
FAR_KM = 25.0
"""Beyond this distance from home a card that is present in person is conspicuous."""
INTERCEPT = -6.45
"""Sets the share of fraud to about 2.5 % where there is no drift."""
SIGNAL = 1.35
"""Spread of the log-odds: with it the classifier of `pipeline.py` reaches a test AUC of about 0.91."""


def transactions(rows: int, *, seed: int, drift: float = 0.0) -> pd.DataFrame:
    """Draw transactions without labels: columns FEATURES, one row a transaction.

    `drift` runs from 0 (the world of the training data) to 1 (more online trade, other merchants, younger accounts,
    higher amounts).
    """
    _refuse_bad_drift(drift)
    rng = np.random.default_rng(seed)
    merchant = _draw(rng, MERCHANTS, rows, drift)
    device = _draw(rng, DEVICES, rows, drift)
    entry = np.where(device == "terminal", _draw(rng, AT_TERMINAL, rows, drift), "online")
    columns = {
        "amount": _amounts(rng, merchant, drift),
        "distance_from_home_km": rng.lognormal(1.8 + 0.7 * (entry == "online"), 1.1, rows).round(1),
        "minutes_since_last_transaction": rng.exponential(420.0 * (1 - 0.4 * drift), rows).round(1),
        "hour_of_day": _hours(rng, rows),
        "account_age_days": rng.exponential(900.0 * (1 - 0.5 * drift), rows).astype(np.int64),
        "transactions_last_24h": rng.poisson(rng.gamma(2.0, 1.2 * (1 + 0.8 * drift), rows)),
        "failed_logins_last_7d": rng.poisson(rng.gamma(0.5, 0.8, rows)),
        "merchant_category": merchant,
        "device_type": device,
        "card_entry": entry,
        "card_country": _draw(rng, COUNTRIES, rows, drift),
    }
    return pd.DataFrame(columns)[list(FEATURES)]


def label(frame: pd.DataFrame, *, seed: int, drift: float = 0.0) -> Labels:
    """Draw the truth for transactions: 1 for fraud. The labels of live traffic arrive from here, late.

    With drift the fraudsters change their ways too, so an old model loses quality and a new one can win it back.
    """
    rng = np.random.default_rng([seed, 1])
    probability = 1 / (1 + np.exp(-fraud_log_odds(frame, drift=drift)))
    return np.asarray(rng.random(len(frame)) < probability, dtype=np.int64)


def labelled(rows: int, *, seed: int, drift: float = 0.0) -> pd.DataFrame:
    """Draw transactions with their truth in the column LABEL."""
    frame = transactions(rows, seed=seed, drift=drift)
    return frame.assign(**{LABEL: label(frame, seed=seed, drift=drift)})


def instances(rows: int, *, seed: int, drift: float = 0.0) -> list[dict[str, Any]]:
    """Draw transactions as the instances of a `POST /predict`: JSON values by feature name."""
    frame = transactions(rows, seed=seed, drift=drift)
    return [dict(zip(FEATURES, row, strict=True)) for row in frame.astype(object).to_numpy().tolist()]


def fraud_log_odds(frame: pd.DataFrame, *, drift: float = 0.0) -> Scores:
    """Answer the true log-odds of fraud for each row: what a perfect model would know."""
    _refuse_bad_drift(drift)
    before, after = _habits_before(frame), _habits_after(frame)
    return np.asarray(INTERCEPT + SIGNAL * (_of_categories(frame) + (1 - drift) * before + drift * after), np.float64)


def _of_categories(frame: pd.DataFrame) -> Scores:
    merchant = frame["merchant_category"].map({name: value.log_odds for name, value in MERCHANTS.items()})
    device = frame["device_type"].map({name: value.log_odds for name, value in DEVICES.items()})
    entry = frame["card_entry"].map(ENTRY_LOG_ODDS)
    country = frame["card_country"].map({name: value.log_odds for name, value in COUNTRIES.items()})
    return np.asarray((merchant + device + entry + country).to_numpy(), dtype=np.float64)


def _habits_before(frame: pd.DataFrame) -> Scores:
    """Large sums at night, from young accounts, right after failed logins."""
    excess = _excess(frame)
    night = (frame["hour_of_day"] < DAWN).to_numpy(np.float64)
    young = np.exp(-frame["account_age_days"].to_numpy(np.float64) / 120)
    far = (frame["distance_from_home_km"] > FAR_KM).to_numpy()
    far_with_card = far & (frame["card_entry"] != "online").to_numpy()
    return np.asarray(
        1.1 * excess
        + night * (0.9 + 0.6 * excess)
        + 1.4 * young
        + 0.7 * np.minimum(frame["failed_logins_last_7d"].to_numpy(np.float64), 4)
        + 0.15 * np.minimum(frame["transactions_last_24h"].to_numpy(np.float64), 10)
        + 1.2 * far_with_card
    )


def _habits_after(frame: pd.DataFrame) -> Scores:
    """Small sums by day, in quick series, from old accounts that were taken over."""
    by_day = frame["hour_of_day"].between(9, 17).to_numpy(np.float64)
    old = 1 - np.exp(-frame["account_age_days"].to_numpy(np.float64) / 600)
    in_series = np.exp(-frame["minutes_since_last_transaction"].to_numpy(np.float64) / 60)
    return np.asarray(
        -1.6
        - 0.7 * _excess(frame)
        + 0.8 * by_day
        + 1.2 * old
        + 2.0 * in_series
        + 0.25 * np.minimum(frame["transactions_last_24h"].to_numpy(np.float64), 10)
    )


def _excess(frame: pd.DataFrame) -> Scores:
    """How far the amount lies above what its merchants usually take: 0 at the median, 1 at e times it."""
    typical = frame["merchant_category"].map({name: value.typical_amount for name, value in MERCHANTS.items()})
    return np.asarray(np.log((frame["amount"] / typical).to_numpy(dtype=np.float64)).clip(-1.5, 3.0))


def _draw(rng: np.random.Generator, values: dict[str, Category], rows: int, drift: float) -> npt.NDArray[np.object_]:
    shares = np.array([(1 - drift) * value.share + drift * value.drifted_share for value in values.values()])
    return rng.choice(np.array(list(values), dtype=object), size=rows, p=shares / shares.sum())


def _amounts(rng: np.random.Generator, merchant: npt.NDArray[np.object_], drift: float) -> Scores:
    typical = np.array([MERCHANTS[name].typical_amount for name in merchant])
    amounts = typical * (1 + 0.5 * drift) * rng.lognormal(0.0, 0.8, len(merchant))
    return amounts.clip(0.5).round(2)


def _hours(rng: np.random.Generator, rows: int) -> Labels:
    """Most people sleep at night: a bell around 15 h, and one transaction in seven at any hour."""
    by_day = rng.normal(15.0, 4.0, rows).astype(np.int64) % 24
    return np.where(rng.random(rows) < 1 / 7, rng.integers(0, 24, rows), by_day)


def _refuse_bad_drift(drift: float) -> None:
    if not 0 <= drift <= 1:
        msg = f"drift must lie between 0 (as in training) and 1, not {drift}"
        raise ValueError(msg)


def as_served(frame: pd.DataFrame) -> pd.DataFrame:
    """Answer the features as the ONNX graph takes them: decimals in float32. Trained on the same, no split moves."""
    return frame[list(FEATURES)].astype(dict.fromkeys(DECIMAL, np.float32))


def onnx_inputs(frame: pd.DataFrame) -> dict[str, npt.NDArray[np.generic]]:
    """Answer the features as onnxruntime is fed: name to an array of shape [rows, 1]."""
    served = as_served(frame)
    return {name: served[[name]].to_numpy() for name in FEATURES}
