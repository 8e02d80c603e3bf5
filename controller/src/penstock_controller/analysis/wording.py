"""Figures of a test in words for people."""

from math import exp

_MOST = 700.0
"""Natural logarithm of odds that still are a number."""


def per_cent(share: float) -> str:
    """A share, to three digits."""
    return f"{100 * share:.3g} %"


def odds(log_wealth: float) -> str:
    """What a stake of 1 has become, by its natural logarithm."""
    wealth = exp(min(_MOST, log_wealth))
    return f"{wealth:.0f}" if 10 <= wealth < 1e6 else f"{wealth:.2g}"  # noqa: PLR2004
