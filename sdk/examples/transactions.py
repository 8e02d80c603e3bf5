"""Card payments to try models on: numbers, whole numbers, flags, categories and free text, and a truth in them."""

import numpy as np
import pandas as pd

_WORDS = ["refund", "gift", "card", "café", "Straße", "order", "no.", "1,000", "urgent", "thanks", "don't", "e-mail"]


def draw(rows: int, *, seed: int) -> tuple[pd.DataFrame, "pd.Series[int]"]:
    """Draw payments and which of them were fraud (1). `age_days` is missing in one row of ten; `US` is rare."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "amount (EUR)": rng.lognormal(3, 1, rows).round(2),
            "age_days": np.where(rng.random(rows) < 0.1, np.nan, rng.exponential(900, rows).round()),
            "logins": rng.poisson(2, rows),
            "abroad": rng.random(rows) < 0.2,
            "country": rng.choice(["DE", "FR", "NL", "US"], rows, p=[0.7, 0.2, 0.09, 0.01]),
            "note": [" ".join(rng.choice(_WORDS, rng.integers(0, 6))) for _ in range(rows)],
        }
    )
    odds = (
        -2.5
        + 0.03 * table["amount (EUR)"]
        + 0.3 * table["logins"]
        + 1.5 * (table["country"] == "US")
        + 1.2 * table["note"].str.contains("urgent")
        - 0.001 * table["age_days"].fillna(900)
    )
    fraud = pd.Series((rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(int), name="fraud")
    return table, fraud


NUMBERS = ["amount (EUR)", "age_days", "logins"]
