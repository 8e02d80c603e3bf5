"""One column of the reference sample: its bins, and what share of the sample is in each.

- Numbers: ten bins of equally many values. A value that fills a bin alone (a default, a zero) gets one of its own.
- Numbers with few different values (0 and 1, grades, labels): a bin for each value. Any other value is unseen.
- Texts: the nine most frequent, and the rest. A text that the sample lacks is unseen, and also one of the rest.

Numbers are compared in single precision, and no cut lies at a value of the sample: a sample that was kept in double
meets rows as the model got them, and predictions that another library computed.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from penstock_drift_monitor.detector import noise
from penstock_drift_monitor.detector.sample import Numbers, Values, are_numbers, text_or_missing

Singles = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]
BINS: Final = 10
FEW_VALUES: Final = 10
"""Numbers with at most so many different values are judged value by value..."""
ROWS_A_VALUE: Final = 5
"""...if the sample has so many rows for each: few values in few rows say nothing."""


_ROUNDING: Final = 4e-6
"""Of a value: sums of some hundred trees in double and in single precision differ by less."""
_OF_A_STEP: Final = 1e-4
"""Of the step between two of a few values: nearer to one of them it is that one."""


@dataclass(frozen=True, kw_only=True)
class ReferenceShare:
    """A part of the sample's rows, and how far the source's may lie from it."""

    value: float
    noise: float


@dataclass(frozen=True, kw_only=True)
class BinnedColumn:
    """A column of the sample. Bins are numbered from 0; `cuts` and `bin_of_gap` are empty for texts."""

    name: str
    shares: Numbers
    """Of the values that are there, for each bin; all 0 where there is none."""
    ranks: Numbers | None
    """Mid-rank of each bin in the sample, from 0 to 1; None: texts have no order."""
    binned: int
    """Values of the sample that are there and finite."""
    missing: ReferenceShare
    """Of all rows."""
    non_finite: ReferenceShare
    """Of the rows that are not missing."""
    unseen: ReferenceShare
    """Of the values that are there: what the sample says of values that it lacks."""
    cuts: Singles
    """Ascending. Gap 0 lies below the first cut; gap g begins at cut g - 1, which belongs to it."""
    bin_of_gap: Whole
    unseen_bin: int
    """Whatever falls there is unseen; -1: no number is."""
    bin_of_text: Mapping[str, int]
    rest: int
    """Bin of all other texts."""

    @property
    def is_numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.ranks is not None


def binned(name: str, values: Values) -> BinnedColumn:
    """The column of these values; one without any value that is there is kept, with nothing in its bins."""
    return _numeric(name, values) if are_numbers(values) else _textual(name, values)


def in_single_precision(values: Numbers) -> Singles:
    """As a model gets them. A finite number beyond single precision becomes an infinity: the outermost bin."""
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(np.float32)


def _numeric(name: str, values: Numbers) -> BinnedColumn:
    doubles = np.asarray(values, np.float64)
    missing, finite = int(np.isnan(doubles).sum()), np.isfinite(doubles)
    singles = np.sort(in_single_precision(doubles[finite]))
    singles = np.clip(singles, np.finfo(np.float32).min, np.finfo(np.float32).max)
    distinct, times = np.unique(singles, return_counts=True)
    seen_twice = int((times == 2).sum())  # noqa: PLR2004
    discrete = len(distinct) <= FEW_VALUES and len(singles) >= ROWS_A_VALUE * len(distinct)
    cuts, bin_of_gap, unseen_bin = _of_each_value(distinct) if discrete else _of_equal_parts(singles)
    gaps = np.searchsorted(cuts, singles, side="right")
    counts = np.bincount(bin_of_gap[gaps], minlength=int(bin_of_gap.max()) + 1)
    shares = counts / max(1, len(singles))
    ranks = np.cumsum(shares) - shares / 2
    if discrete:  # a value that the sample lacks tells nothing of high or low
        ranks[unseen_bin] = 0.5
    return BinnedColumn(
        name=name,
        shares=shares,
        ranks=ranks,
        binned=len(singles),
        missing=_share(missing, len(doubles)),
        non_finite=_share(len(doubles) - missing - len(singles), len(doubles) - missing),
        unseen=_good_turing(int((times == 1).sum()), seen_twice, len(singles)) if discrete else _share(0, len(singles)),
        cuts=cuts,
        bin_of_gap=bin_of_gap,
        unseen_bin=unseen_bin,
        bin_of_text={},
        rest=0,
    )


def _of_each_value(distinct: Singles) -> tuple[Singles, Whole, int]:
    """Cuts closely before and after each value; bin i is the i-th value, the last bin everything else."""
    cuts = np.empty(2 * len(distinct), np.float32)
    cuts[0::2], cuts[1::2] = _closely_around(distinct)
    gaps = np.arange(len(cuts) + 1)
    return cuts, np.where(gaps % 2 == 1, gaps // 2, len(distinct)).astype(np.int64), len(distinct)


def _closely_around(distinct: Singles) -> tuple[Singles, Singles]:
    """Below and above each of a few ascending values: as far as rounding may move it, never near its neighbour."""
    values = distinct.astype(np.float64)
    if len(values) > 1:
        steps = np.diff(values)
        nearest = np.minimum(np.append(steps, np.inf), np.insert(steps, 0, np.inf))
        reach = np.minimum(nearest / 4, np.maximum(nearest * _OF_A_STEP, np.abs(values) * _ROUNDING))
    else:
        reach = np.maximum(np.abs(values), 1.0) * _ROUNDING
    below, above = (values - reach).astype(np.float32), (values + reach).astype(np.float32)
    return np.minimum(below, distinct), np.maximum(above, np.nextafter(distinct, np.float32(np.inf)))


def _of_equal_parts(ascending: Singles) -> tuple[Singles, Whole, int]:
    """Cuts between values, at the quantiles; a value at which two of them lie has a bin alone.

    A cut lies half way to the next smaller value: rounding in the last places moves no value across it.
    """
    parts = np.arange(1, BINS) / BINS
    quantiles, times = np.unique(np.quantile(ascending, parts, method="inverted_cdf"), return_counts=True)
    distinct = np.unique(ascending)
    places = np.searchsorted(distinct, np.asarray(quantiles, np.float32))
    alone = places[times > 1]
    cuts = np.unique(np.concatenate([_before(distinct, places), _before(distinct, alone + 1)]))
    return cuts, np.arange(len(cuts) + 1), -1


def _before(distinct: Singles, places: Whole) -> Singles:
    """Half way between the values at these places and those before them; at the ends closely beyond the values."""
    values = distinct.astype(np.float64)
    low, high = values[0], values[-1]
    first, last = (2 * max(abs(end), high - low) * _ROUNDING for end in (low, high))
    padded = np.concatenate([[low - first], values, [high + last]])
    half = ((padded[places] + padded[places + 1]) / 2).astype(np.float32)
    # Between neighbours in single precision there is nothing: the larger one is the cut.
    smaller = padded[places].astype(np.float32)
    return np.where(half <= smaller, np.nextafter(smaller, np.float32(np.inf)), half)


def _textual(name: str, values: Values) -> BinnedColumn:
    texts = [text_or_missing(value) for value in values]
    there = [text for text in texts if text is not None]
    times = Counter(there)
    largest = _largest(times)
    counts = np.array([times[text] for text in largest] + [0], np.float64)
    counts[-1] = len(there) - counts.sum()
    shares = counts / max(1, len(there))
    if len(times) > len(largest):
        flattery = min(_flattery(there), float(shares[:-1].sum()))
        shares[:-1] *= 1 - flattery / float(shares[:-1].sum())
        shares[-1] += flattery
    rest = len(largest)
    seen_once, seen_twice = (sum(count == wanted for count in times.values()) for wanted in (1, 2))
    return BinnedColumn(
        name=name,
        shares=shares,
        ranks=None,
        binned=len(there),
        missing=_share(len(texts) - len(there), len(texts)),
        non_finite=_share(0, len(there)),
        unseen=_good_turing(seen_once, seen_twice, len(there)),
        cuts=np.empty(0, np.float32),
        bin_of_gap=np.empty(0, np.int64),
        unseen_bin=-1,
        bin_of_text={text: largest.get(text, rest) for text in times},
        rest=rest,
    )


def _largest(times: Counter[str]) -> dict[str, int]:
    """The nine most frequent texts and their bins; of equally frequent ones the first in order."""
    ordered = sorted(times, key=lambda text: (-times[text], text))
    return {text: position for position, text in enumerate(ordered[: BINS - 1])}


def _flattery(there: list[str]) -> float:
    """By how much the most frequent texts are more frequent in the sample that chose them than in their source.

    Of two hundred equally frequent texts the nine most frequent of a sample are so by chance. Chosen by one half of the
    rows they are less frequent in the other half; a sample twice as large flatters by less, as the root of its size.
    """
    chosen = _largest(Counter(there[0::2]))
    inside, outside = (sum(text in chosen for text in half) / max(1, len(half)) for half in (there[0::2], there[1::2]))
    return max(0.0, (inside - outside) / math.sqrt(2))


def _share(count: int, rows: int) -> ReferenceShare:
    return ReferenceShare(value=count / rows if rows else 0.0, noise=noise.of_share(count, rows))


def _good_turing(seen_once: int, seen_twice: int, rows: int) -> ReferenceShare:
    """Share of rows whose value the sample lacks: that of values it holds once (Good, Biometrika 40, 1953).

    Not 0: a sample of a long tail never holds all of it. Its variance is about (once + 2 twice) / rows^2.
    """
    if not rows:
        return ReferenceShare(value=1.0, noise=1.0)
    return ReferenceShare(
        value=seen_once / rows, noise=noise.DEVIATIONS * math.sqrt(seen_once + 2 * seen_twice + 1) / rows
    )
