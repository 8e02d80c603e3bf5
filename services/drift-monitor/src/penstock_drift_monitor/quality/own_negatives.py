"""Pairs that make the area under the ROC curve a mean of independent values.

The area is the probability that a positive scores above a negative. Compared with negatives of its own, which no other
positive is compared with, each positive gives a value in [0, 1] whose expectation is the area; values of different
positives are independent, so that one can bet on their mean. Who is paired with whom depends on the order of the labels
only, never on a score.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Group:
    """A positive with its own negatives: row numbers."""

    positive: int
    negatives: tuple[int, ...]


def groups(truth: Iterable[bool]) -> list[Group]:
    """Pair rows in the order in which their labels came.

    A positive takes all negatives that came since the one before; where none did, it waits for the next.
    """
    found: list[Group] = []
    waiting: deque[int] = deque()
    negatives: list[int] = []
    for row, positive in enumerate(truth):
        if positive:
            waiting.append(row)
        else:
            negatives.append(row)
        if waiting and negatives:
            found.append(Group(waiting.popleft(), tuple(negatives)))
            negatives = []
    return found


def wins(pairs: Sequence[Group], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For each positive the share of its negatives that score lower, ties counted half."""
    if not pairs:
        return np.zeros(0)
    sizes = np.array([len(pair.negatives) for pair in pairs])
    negatives = np.fromiter(chain.from_iterable(pair.negatives for pair in pairs), np.intp, int(sizes.sum()))
    positives = np.repeat(np.array([pair.positive for pair in pairs]), sizes)
    signs = np.sign(scores[positives] - scores[negatives])
    return np.asarray(np.add.reduceat(signs, np.cumsum(sizes) - sizes) / sizes / 2 + 0.5, np.float64)
