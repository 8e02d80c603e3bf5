"""Which of two classes scores are the probability of."""

import math
from collections.abc import Iterable

_TWO = 2


def last_of_two(classes: Iterable[str]) -> str:
    """The one that sorts last (numbers by value), as scikit-learn orders the columns of probabilities.

    Of 0 and 1 it is 1, also where only one of them was seen yet. Empty: there are not two.
    """
    known = set(classes)
    if known and known <= {"0", "1"}:
        return "1"
    return max(known, key=_order) if len(known) == _TWO else ""


def is_number(label: str) -> bool:
    """Whether a label is a finite number."""
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False


def _order(label: str) -> tuple[bool, float, str]:
    return (False, float(label), "") if is_number(label) else (True, 0.0, label)
