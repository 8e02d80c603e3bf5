"""The reference sample: rows that live data are compared with, with the version's own predictions."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from penstock.errors import RowsRefused
from penstock.graph import Array
from penstock.rows import Rows, TableRows

FILE = "reference.parquet"
MOST_ROWS = 2000
LABEL = "label"
PREDICTION = "prediction"
_TWO = 2
_SEED = 0


def labels_of(y: object, rows: Rows) -> Array | None:
    """Read labels. Raises RowsRefused where there is not one for each row."""
    if y is None:
        return None
    labels = np.asarray(y)
    if labels.shape[:1] != (len(rows),):
        raise RowsRefused(
            f"y has {labels.shape[0] if labels.ndim else 1} labels, X has {len(rows)} rows: give one each"
        )
    if labels.size != len(rows):
        raise RowsRefused("y has several columns: give one label for each row")
    return labels.reshape(-1)


def check_names(rows: Rows) -> None:
    """Raise RowsRefused where a feature has a name that means something else in a sample."""
    taken = {LABEL, PREDICTION}.intersection(rows.names if isinstance(rows, TableRows) else rows.arrays)
    if taken:
        name = taken.pop()
        raise RowsRefused(
            f"X has a column {name!r}, which is the name of the {'truth' if name == LABEL else 'answer'} in the sample "
            f"that live data are compared with: rename it, or give it as y and leave it out of X"
        )


def reference_sample(
    rows: Rows, labels: Array | None, answers: Mapping[str, Array], *, drawn_from: int
) -> pd.DataFrame:
    """Draw the sample. `answers`: of the graph, to all rows. `drawn_from`: the first so many rows, random ones."""
    drawn = np.random.default_rng(_SEED).permutation(min(len(rows), drawn_from))[:MOST_ROWS]
    sample = rows.sample(drawn.tolist())
    if labels is not None:
        sample[LABEL] = labels[drawn]
    sample[PREDICTION] = prediction_of(answers)[drawn]
    return sample


def prediction_of(answers: Mapping[str, Array]) -> Array:
    """Choose the one column that answers come down to, as the drift monitor does for live ones.

    The probability of the last class where there are two; else the one number; else the label, or the number of the
    largest of several.
    """
    flat = {name: array.reshape(len(array), -1) for name, array in answers.items()}
    floating = [array for array in flat.values() if array.dtype.kind == "f" and array.shape[1]]
    for width in (_TWO, 1):
        found = next((array for array in floating if array.shape[1] == width), None)
        if found is not None:
            return found[:, width - 1]
    label = next((array for array in flat.values() if array.dtype.kind != "f" and array.shape[1] == 1), None)
    return label[:, 0] if label is not None else floating[0].argmax(axis=1)
