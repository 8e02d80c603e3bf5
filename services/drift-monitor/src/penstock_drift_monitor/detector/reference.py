"""The reference sample in bins, and live rows sorted into them."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Final

import numpy as np

from penstock_drift_monitor.detector import column as columns_of
from penstock_drift_monitor.detector.column import BinnedColumn, Whole, in_single_precision
from penstock_drift_monitor.detector.counts import Counts
from penstock_drift_monitor.detector.sample import Numbers, Sample, Values, are_numbers, number_of_rows, text_or_missing

MARGIN: Final = 0.05
"""Total variation distance that nobody cares about, if nobody says otherwise."""


class Reference:
    """What live rows are compared with. It does not change.

    Arrays over all C columns are padded to K bins; a bin beyond a column's own has no share and never a value.
    """

    def __init__(self, columns: Iterable[BinnedColumn], rows: int, margin: float) -> None:
        """From columns that were binned; `of` makes them from a sample."""
        self._columns = tuple(columns)
        self._rows = rows
        self.margin = margin
        """Total variation distance that the user does not care about."""
        self.bins = max((len(column.shares) for column in self._columns), default=0)
        """K, the most bins of a column."""
        numeric = [position for position, column in enumerate(self._columns) if column.is_numeric]
        self._numeric: Whole = np.array(numeric, np.int64)
        cuts = max((len(self._columns[position].cuts) for position in numeric), default=0)
        # Padded with NaN: no number is beyond it, not even an infinity.
        self._cuts = np.full((cuts, len(numeric)), np.nan, np.float32)
        self._flat_bin = np.zeros((len(numeric), cuts + 1), np.int64)
        for row, position in enumerate(numeric):
            column = self._columns[position]
            self._cuts[: len(column.cuts), row] = column.cuts
            self._flat_bin[row, : len(column.bin_of_gap)] = column.bin_of_gap + position * self.bins

    @classmethod
    def of(cls, sample: Sample, *, margin: float = MARGIN) -> "Reference":
        """The sample's bins. A column whose values are all missing is kept: live values in it are a finding.

        Raises:
            ValueError: There is no row or no column, or columns differ in their number of values.
        """
        rows = number_of_rows(sample)
        if not sample:
            raise ValueError("the reference sample has no columns: log one with the columns of the model's inputs")
        if not rows:
            named = ", ".join(list(sample)[:5])
            raise ValueError(f"the reference sample has no rows (columns {named}): log at least 2,000, over whole days")
        return cls((columns_of.binned(name, values) for name, values in sample.items()), rows, margin)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names, in the sample's order."""
        return tuple(column.name for column in self._columns)

    @property
    def rows(self) -> int:
        """Of the sample."""
        return self._rows

    @property
    def binned(self) -> tuple[BinnedColumn, ...]:
        """What is known of each column."""
        return self._columns

    @cached_property
    def digest(self) -> str:
        """SHA-256 of everything that bets depend on, in hexadecimal: a state is good for one reference only."""
        found = hashlib.sha256(json.dumps([self.margin, self.rows]).encode())
        for column in self._columns:
            texts = [column.name, sorted(column.bin_of_text.items()), column.is_numeric, column.binned, column.rest]
            shares = (column.missing, column.non_finite, column.unseen)
            found.update(json.dumps([*texts, [[share.value, share.noise] for share in shares]]).encode())
            for array in (column.shares, column.cuts, column.bin_of_gap):
                found.update(array.tobytes())
        return found.hexdigest()

    def only(self, columns: Collection[str]) -> "Reference":
        """Of these columns, in the sample's order; names that the sample lacks are left out."""
        wanted = set(columns)
        return Reference((column for column in self._columns if column.name in wanted), self.rows, self.margin)

    def count(self, rows: Sample) -> Counts:
        """Rows in bins. A column that they lack counts as missing in each, one that the reference lacks as nothing.

        Texts where the reference has numbers are non-finite, numbers where it has texts are unseen.

        Raises:
            ValueError: Columns differ in their number of values.
        """
        total = number_of_rows(rows)
        width = len(self._columns)
        missing, non_finite, unseen = (np.zeros(width, np.int64) for _ in range(3))
        numbers = np.full((len(self._numeric), total), np.nan)
        for row, position in enumerate(self._numeric):
            values = rows.get(self._columns[position].name)
            if values is None:
                continue
            if are_numbers(values):
                numbers[row] = values
            else:
                non_finite[position] = sum(text_or_missing(value) is not None for value in values)
        bins = self._numbers_in_bins(numbers).reshape(width, self.bins)
        finite = np.isfinite(numbers).sum(axis=1)
        absent = np.isnan(numbers).sum(axis=1)
        missing[self._numeric] = absent - non_finite[self._numeric]  # where texts came, all was left as NaN
        non_finite[self._numeric] += total - finite - absent
        for position, column in enumerate(self._columns):
            if column.is_numeric:
                unseen[position] = bins[position, column.unseen_bin] if column.unseen_bin >= 0 else 0
                continue
            values = rows.get(column.name)
            if values is None:
                missing[position] = total
            else:
                missing[position], unseen[position] = _texts_in_bins(column, values, bins[position])
        return Counts(rows=total, bins=bins, missing=missing, non_finite=non_finite, unseen=unseen)

    def _numbers_in_bins(self, numbers: Numbers) -> Whole:
        """Of all numeric columns, each a row of `numbers`; the bins of column c begin at c K."""
        finite = np.isfinite(numbers)
        singles = in_single_precision(numbers)
        gaps = np.zeros(numbers.shape, np.int64)
        for cut in self._cuts:  # one pass for all columns: faster than a search for each until a batch is very long
            gaps += singles >= cut[:, np.newaxis]
        flat = np.take_along_axis(self._flat_bin, gaps, axis=1)
        return np.bincount(flat[finite], minlength=len(self._columns) * self.bins)


def _texts_in_bins(column: BinnedColumn, values: Values, into: Whole) -> tuple[int, int]:
    """Counts texts into `into`; how many were missing, and how many the sample lacks: numbers all are."""
    missing = unseen = 0
    numbers = are_numbers(values)
    for value, times in Counter(values.tolist() if are_numbers(values) else values).items():
        text = text_or_missing(value)
        if text is None:
            missing += times
            continue
        place = None if numbers else column.bin_of_text.get(text)
        unseen += times if place is None else 0
        into[column.rest if place is None else place] += times
    return missing, unseen
