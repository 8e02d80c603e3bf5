"""How long to wait before something that failed is tried again."""

_DOUBLINGS = 10


def delay(failures: int, *, first: float = 1.0, longest: float) -> float:
    """Seconds after so many failures in a row, one at least: doubled with each, never more than `longest`."""
    return float(min(longest, first * 2.0 ** min(failures - 1, _DOUBLINGS)))
