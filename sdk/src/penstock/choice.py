"""Which of very many rows are tried."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from penstock.rows import Rows, TableRows

MOST_ROWS = 100_000
_OF_EACH_COLUMN = 20
_SEED = 0
Positions = npt.NDArray[np.int64]


def positions_tried(rows: Rows, most: int = MOST_ROWS) -> Sequence[int]:
    """Say which: all, or `most` of them at random and behind those the ones that tell most.

    What tells most of a column: its extremes, rows without a value, and its rarest values.
    """
    if len(rows) <= most:
        return range(len(rows))
    drawn = np.random.default_rng(_SEED).permutation(len(rows))[:most]
    telling = _telling(rows.frame) if isinstance(rows, TableRows) else np.array([], dtype=np.int64)
    positions: list[int] = np.concatenate([drawn, np.setdiff1d(telling, drawn)]).tolist()
    return positions


def _telling(frame: pd.DataFrame) -> Positions:
    return np.unique(np.concatenate([_of_column(frame[name]) for name in frame.columns]))


def _of_column(values: pd.Series) -> Positions:
    gaps = np.flatnonzero(values.isna().to_numpy())[:_OF_EACH_COLUMN]
    if pd.api.types.is_numeric_dtype(values.dtype):
        order = np.argsort(values.to_numpy(dtype=np.float64, na_value=np.nan), kind="stable")
        ends = np.concatenate([order[:_OF_EACH_COLUMN], order[len(values) - len(gaps) - 1 :: -1][:_OF_EACH_COLUMN]])
        return np.concatenate([gaps, ends])
    rarest = values.value_counts().index[::-1][:_OF_EACH_COLUMN]
    first = np.flatnonzero((values.isin(rarest) & ~values.duplicated()).to_numpy())
    return np.concatenate([gaps, first])
