"""Labelled transactions, in the order in which they happened: what is trained on, and what judges."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fraud_detection.data import FEATURES, INTEGER, LABEL, labelled
from fraud_detection.history import EVENT_TIME
from fraud_detection.validation import TableError, read, validate


@dataclass(frozen=True, kw_only=True)
class LabelledTable:
    """Rows with the columns FEATURES and LABEL."""

    rows: pd.DataFrame
    origin: Mapping[str, object]
    """Where they are from: parameters of the run that is trained on them."""

    @property
    def training(self) -> pd.DataFrame:
        """The first two thirds."""
        return self.rows.iloc[: len(self.rows) * 2 // 3]

    @property
    def judging(self) -> pd.DataFrame:
        """The last third, which no model is trained on."""
        return self.rows.iloc[len(self.rows) * 2 // 3 :]


def drawn(rows: int, *, seed: int, drift: float) -> LabelledTable:
    """Draw transactions."""
    return LabelledTable(rows=labelled(rows, seed=seed, drift=drift), origin={"rows": rows, "drift": drift})


def read_training_set(file: Path) -> LabelledTable:
    """Read what feature_repo/training_set.py wrote, in the order in which it happened: a model is judged by what came
    later.
    """
    rows = pd.read_parquet(file).sort_values(EVENT_TIME, kind="stable").reset_index(drop=True)
    return LabelledTable(rows=rows, origin={"rows": len(rows)})


def read_table(file: Path) -> LabelledTable:
    """Read a valid CSV file. Raises TableError."""
    report = validate(file)
    if not report.valid:
        raise TableError(f"{file} must not be trained on: {'; '.join(map(str, report.problems))}")
    rows = read(file)[[*FEATURES, LABEL]].astype(dict.fromkeys((*INTEGER, LABEL), "int64"))
    return LabelledTable(rows=rows, origin={"rows": len(rows), "data_sha256": report.sha256})
