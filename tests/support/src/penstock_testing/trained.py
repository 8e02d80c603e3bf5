"""Versions with a reference sample, as training leaves them.

The store keeps one sample for equal bytes: a test gives its versions intercepts that no version without a sample has,
and the same sample to the same intercept.
"""

from collections.abc import Sequence

from penstock_testing.artifacts import affine, with_reference
from penstock_testing.expectation import Question
from penstock_testing.faulty_models import SLOPE, Build

_COPIES = 100
"""Of each question in the sample."""


def trained_on(questions: Sequence[Question], intercept: float) -> Build:
    """A version whose reference sample holds these questions in equal parts, with its own answers."""
    rows = [each.feed["x"][0] for each in questions] * _COPIES
    sample = [(float(a), float(b), float(b) * SLOPE + intercept) for a, b in rows]
    return with_reference(affine(SLOPE, intercept), "a,b,prediction", sample)
