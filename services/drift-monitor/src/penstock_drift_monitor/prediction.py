"""The one column that a model's outputs come down to: what is judged, and what labels are compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from penstock_drift_monitor.label_text import label_text

Table = npt.NDArray[np.float64] | list[list[str]]
"""A block's values: rows by columns."""
_TWO: Final = 2


class PredictionKind(StrEnum):
    """What the prediction is."""

    PROBABILITY = "probability"
    """Of the last of two classes."""
    VALUE = "value"
    """Of a regression, or the one score of a classifier."""
    LABEL = "label"


@dataclass(frozen=True)
class Output:
    """One output block of a batch."""

    floating: bool
    values: Table
    """Of shape (rows, columns)."""

    @property
    def width(self) -> int:
        """How many columns."""
        if isinstance(self.values, list):
            return len(self.values[0]) if self.values else 0
        return int(self.values.shape[1])


@dataclass(frozen=True, kw_only=True)
class PredictionColumn:
    """Of each row of a batch."""

    kind: PredictionKind
    column: npt.NDArray[np.float64] | list[str]
    """What is compared with the reference sample's `prediction`."""
    labels: list[str] | None
    """The class that the model named, in label_text's form; None: it names none."""

    def scores(self) -> Iterator[float | None]:
        """Numbers that labels are compared with: none where the prediction is a label."""
        if self.kind is PredictionKind.LABEL or isinstance(self.column, list):
            return (None for _ in self.column)
        return (value if np.isfinite(value) else None for value in self.column.tolist())


def prediction_of(outputs: Sequence[Output]) -> PredictionColumn | None:
    """Choose the prediction; None: no output has columns.

    The probability of the last class where a floating output has two columns; else the floating output of one column;
    else the label: of the output that has it, or the number of the largest of several probabilities.
    """
    label = next((output for output in outputs if not output.floating and output.width == 1), None)
    named = _labels(label) if label else None
    floating = [output for output in outputs if output.floating and output.width > 0]
    for kind, width in ((PredictionKind.PROBABILITY, _TWO), (PredictionKind.VALUE, 1)):
        found = next((output for output in floating if output.width == width), None)
        if found is not None and isinstance(found.values, np.ndarray):
            return PredictionColumn(kind=kind, column=found.values[:, width - 1], labels=named)
    if label is not None and named is not None:
        column = [row[0] for row in label.values] if isinstance(label.values, list) else label.values[:, 0]
        return PredictionColumn(kind=PredictionKind.LABEL, column=column, labels=named)
    if floating and isinstance(floating[0].values, np.ndarray):
        largest = np.argmax(floating[0].values, axis=1)
        return PredictionColumn(
            kind=PredictionKind.LABEL,
            column=largest.astype(np.float64),
            labels=[str(each) for each in largest.tolist()],
        )
    return None


def _labels(output: Output) -> list[str]:
    if isinstance(output.values, list):
        return [label_text(row[0]) if row[0] else "" for row in output.values]
    return [label_text(value) for value in output.values[:, 0].tolist()]
