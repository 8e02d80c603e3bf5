"""Numbers that survive being written down: what is kept between blocks is exactly what its text says."""

from math import floor


def significant(value: float) -> float:
    """To six significant digits."""
    return float(f"{value:.6g}")


def lowered(value: float) -> float:
    """To the next lower multiple of 0.00001. Used for wealth: rounding must not make any."""
    return floor(value * 1e5) / 1e5
