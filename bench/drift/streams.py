"""Rows whose law is known: fourteen correlated numbers and six categories, and what may happen to them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.random import Generator

from penstock_drift_monitor.detector.sample import Sample, Values

NUMBERS, CATEGORIES = 14, 6
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Law:
    """Of rows. The default is that of the reference sample."""

    shift: float = 0.0
    """Standard deviations, latent ones of a category..."""
    columns: int = 0
    """...of the first so many columns."""
    category_shift: float = 0.0
    """Latent standard deviations of the first category: other shares of its eight values."""
    spread: float = 1.0
    """Of the first column."""
    missing: float = 0.0
    """Part of the first column's values."""
    correlation: float = 0.3
    wave: float = 0.0
    """Standard deviations by which the mean of the first five columns swings within a day."""
    long_tail: bool = False
    """The first category is one of three thousand, the k-th with a share in proportion to 1/k."""
    outlier: bool = False
    """The first value of the first column is 1e9."""

    def rows(self, rng: Generator, number: int, days: Floats | float = 0.0, grown: float = 1.0) -> Sample:
        """So many rows, at moments in days, with the part `grown` of the shift."""
        common = rng.normal(size=(number, 1)) * np.sqrt(self.correlation)
        latent = rng.normal(size=(number, NUMBERS + CATEGORIES)) * np.sqrt(1 - self.correlation) + common
        latent[:, : self.columns] += grown * self.shift
        latent[:, :5] += self.wave * np.sin(2 * np.pi * np.broadcast_to(days, number))[:, np.newaxis]
        latent[:, 0] *= self.spread
        latent[:, NUMBERS] += self.category_shift
        sample: dict[str, Values] = {}
        for column in range(NUMBERS):
            values = latent[:, column]
            sample[f"number {column}"] = np.exp(values) if column % 3 == 1 else values.copy()
        for column in range(CATEGORIES):
            places = np.clip(np.floor(1.3 * latent[:, NUMBERS + column] + 4), 0, 7).astype(int)
            sample[f"category {column}"] = [f"value {place}" for place in places]
        first = np.asarray(sample["number 0"], np.float64)
        first[rng.random(number) < self.missing] = np.nan
        if self.outlier and number:
            first[0] = 1e9
        sample["number 0"] = first
        if self.long_tail:
            sample["category 0"] = [f"value {place}" for place in rng.choice(3000, number, p=_TAIL)]
        return sample


_WEIGHTS = 1 / np.arange(1, 3001)
_TAIL = _WEIGHTS / _WEIGHTS.sum()


def part(sample: Sample, start: int, end: int) -> Sample:
    """These rows of a sample."""
    return {name: values[start:end] for name, values in sample.items()}
