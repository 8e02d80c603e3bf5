"""Kubernetes duration strings."""

import re

PATTERN = r"^([0-9]+(ms|s|m|h))+$"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> float:
    """The length of a duration such as `90s`, `1h30m` or `250ms`, in seconds.

    Raises ValueError for anything that does not match `PATTERN`.
    """
    if not re.fullmatch(PATTERN, duration):
        raise ValueError(f"{duration!r} is not a duration: write it like 90s, 10m or 1h30m")
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"([0-9]+)(ms|s|m|h)", duration))


def percent(text: str) -> float:
    """A percentage such as `0.5%` as a fraction."""
    return float(text.removesuffix("%")) / 100.0
