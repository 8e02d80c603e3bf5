"""How many live values fell into each bin. It is all that the detector learns of live rows."""

from dataclasses import dataclass

import numpy as np

from penstock_drift_monitor.detector.column import Whole


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """Of some rows against one reference with C columns of at most K bins. Adding them is taking rows together."""

    rows: int
    bins: Whole
    """C x K. Missing and non-finite values are in no bin."""
    missing: Whole
    """C; a column that the rows lack is missing in all of them."""
    non_finite: Whole
    """C; also what is no number where the reference has numbers."""
    unseen: Whole
    """C; these values are in a bin too, of whatever else is rare."""

    @classmethod
    def none(cls, columns: int, bins: int) -> "Counts":
        """Of no rows."""
        empty = np.zeros(columns, np.int64)
        return cls(rows=0, bins=np.zeros((columns, bins), np.int64), missing=empty, non_finite=empty, unseen=empty)

    def __add__(self, other: "Counts") -> "Counts":
        if self.bins.shape != other.bins.shape:
            raise ValueError(f"counts of {self.bins.shape} and {other.bins.shape} columns and bins: not one reference")
        return Counts(
            rows=self.rows + other.rows,
            bins=self.bins + other.bins,
            missing=self.missing + other.missing,
            non_finite=self.non_finite + other.non_finite,
            unseen=self.unseen + other.unseen,
        )
