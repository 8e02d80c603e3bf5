"""Whether a graph answers like the model that it was made of. Pure: answers in, figures out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from penstock.graph import Array

LABEL = "label"
PROBABILITIES = "probabilities"
PREDICTION = "prediction"
Differences = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class ParityResult:
    """How far a graph's answers lie from the model's own, on the same rows."""

    rows: int
    differing: int
    """Rows that differ by more than the tolerance, or have another label."""
    max_difference: float
    """Largest absolute difference of a number, labels left out."""
    worst_row: int
    worst_output: str
    expected: str
    """The model's own answer in the worst row."""
    got: str

    @property
    def share(self) -> float:
        """Of rows that differ."""
        return self.differing / self.rows


def compared(expected: Mapping[str, Array], got: Mapping[str, Array], tolerance: float) -> ParityResult:
    """Hold answers against each other, output by output and row by row.

    A probability may differ by `tolerance`, another number by `tolerance` times its own size or its column's standard
    deviation, whichever is larger. Labels must be equal, except where the two largest probabilities lie within twice
    the tolerance: rounding may decide those either way.
    """
    excess = {name: _excess(expected, got, name, tolerance) for name in expected}
    worst_output = max(excess, key=lambda name: float(excess[name].max()))
    worst_row = int(excess[worst_output].argmax())
    numbers = [_differences(expected[name], got[name]) for name in expected if name != LABEL]
    return ParityResult(
        rows=len(excess[worst_output]),
        differing=int(np.any([values > 1 for values in excess.values()], axis=0).sum()),
        max_difference=max((float(each.max()) for each in numbers), default=0.0),
        worst_row=worst_row,
        worst_output=worst_output,
        expected=_shown(expected[worst_output][worst_row]),
        got=_shown(got[worst_output][worst_row]),
    )


def _excess(expected: Mapping[str, Array], got: Mapping[str, Array], name: str, tolerance: float) -> Differences:
    """The largest difference of each row, in units of what is allowed there."""
    own, other = expected[name], got[name]
    if name == LABEL and own.size == other.size:
        differ = ~_equal_labels(own, other)
        return np.where(differ & ~_undecided(expected, tolerance), np.inf, 0.0)
    allowed = tolerance * (1.0 if name in (LABEL, PROBABILITIES) else _scale(own))
    return np.asarray((_differences(own, other) / allowed).reshape(len(own), -1).max(axis=1))


def _scale(own: Array) -> Differences:
    """Of each number: its size, or how far its column's numbers lie apart."""
    values = own.astype(np.float64).reshape(len(own), -1)
    spread = np.nan_to_num(np.nanstd(values, axis=0)) if len(values) > 1 else np.ones(values.shape[1])
    scale = np.maximum(np.nan_to_num(np.abs(values)), spread)
    return np.asarray(np.maximum(scale, np.finfo(np.float32).tiny), dtype=np.float64)


def _differences(own: Array, other: Array) -> Differences:
    """Absolute differences as (rows, numbers); missing on both sides is no difference, on one side an endless one."""
    if own.size != other.size:
        return np.full((len(own), 1), np.inf)
    left, right = (each.astype(np.float64).reshape(len(own), -1) for each in (own, other))
    both = np.isnan(left) & np.isnan(right)
    with np.errstate(invalid="ignore"):
        differences = np.where((left == right) | both, 0.0, np.abs(left - right))
    return np.asarray(np.nan_to_num(differences, nan=np.inf, posinf=np.inf), dtype=np.float64)


def _equal_labels(own: Array, other: Array) -> npt.NDArray[np.bool_]:
    left, right = own.reshape(-1), other.reshape(-1)
    if left.dtype.kind in "biuf" and right.dtype.kind in "biuf":
        return np.asarray(left.astype(np.float64) == right.astype(np.float64))
    return np.asarray(left.astype(str) == right.astype(str))


def _undecided(expected: Mapping[str, Array], tolerance: float) -> npt.NDArray[np.bool_]:
    rows = len(next(iter(expected.values())))
    scores = expected.get(PROBABILITIES)
    if scores is None or scores.ndim != 2 or scores.shape[1] < 2:  # noqa: PLR2004 - two classes
        return np.zeros(rows, dtype=np.bool_)
    top = np.sort(scores.astype(np.float64), axis=1)
    return np.asarray(top[:, -1] - top[:, -2] <= 2 * tolerance)


def _shown(value: object) -> str:
    numbers = np.atleast_1d(np.asarray(value)).ravel()
    shown = ", ".join(f"{each:.6g}" if isinstance(each, np.floating) else str(each) for each in numbers[:6])
    return shown if len(numbers) == 1 else f"[{shown}{', ...' if len(numbers) > 6 else ''}]"  # noqa: PLR2004 - as above
