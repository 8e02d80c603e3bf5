"""What a verdict hangs on, as status shows it: how far a number has come on its way to where it decides."""

from math import exp, isfinite, log

from penstock_contracts.api.status import Bound
from penstock_contracts.verdict import Verdict

HARM, NO_HARM = "odds of harm", "odds of no harm"
_MOST = 700.0
"""Natural logarithm of odds that still are a number."""


def odds_bound(name: str, decides: Verdict, log_odds: float, error_level: float) -> Bound:
    """Odds decide where they reach 1 / error level. `log_odds`: their natural logarithm."""
    return Bound(
        name=name,
        decides=decides,
        value=_shown(exp(min(_MOST, log_odds))),
        limit=_shown(1 / error_level),
        reached=_part(log_odds, -log(error_level)),
        error_level=float(f"{error_level:.3g}"),
    )


def number_bound(name: str, decides: Verdict, value: float | None, limit: float, start: float = 0.0) -> Bound:
    """A number that decides where it comes from `start` to the limit, or beyond. None: it is not known yet."""
    is_known = value is not None and isfinite(value)
    return Bound(
        name=name,
        decides=decides,
        value=_shown(value) if value is not None and is_known else None,
        limit=_shown(limit),
        reached=0.0 if value is None else _part(value - start, limit - start),
    )


def range_bounds(value: float, lowest: float | None, highest: float | None) -> tuple[Bound, ...]:
    """A value that fails outside a range. Its way begins in the middle; where the range has one end, at 0 or beyond."""
    bounds = []
    if lowest is not None:
        away = 2 * lowest if lowest > 0 else lowest + max(1.0, -lowest)
        start = away if highest is None else (lowest + highest) / 2
        bounds.append(number_bound("value, lowest allowed", Verdict.FAIL, value, lowest, start))
    if highest is not None:
        away = 0.0 if highest > 0 else highest - max(1.0, -highest)
        start = away if lowest is None else (lowest + highest) / 2
        bounds.append(number_bound("value, highest allowed", Verdict.FAIL, value, highest, start))
    return tuple(bounds)


def _part(come: float, way: float) -> float:
    """Rounded down to hundredths: only what is there reads as there."""
    if way == 0:
        return 1.0 if come else 0.0
    part = come / way
    return 1.0 if part >= 1 else int(100 * max(0.0, part)) / 100


def _shown(number: float) -> float:
    """To three digits; whole numbers in full."""
    return number if isinstance(number, int) else float(f"{number:.3g}")
