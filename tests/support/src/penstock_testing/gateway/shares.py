"""Whether counts agree with the shares they should have."""

import math
from collections.abc import Mapping


def p_value(count: int, total: int, share: float) -> float:
    """Chi-square test with one degree of freedom: how likely a count is at least so far from its share by chance."""
    expected = total * share
    distance = (count - expected) ** 2 / (expected * (1 - share))
    return math.erfc(math.sqrt(distance / 2))


def unlikely(p_values: Mapping[str, float], level: float) -> list[str]:
    """Return what differs, by Holm's correction: the level holds for all tests together."""
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    found: list[str] = []
    for place, (name, value) in enumerate(ordered):
        if value > level / (len(ordered) - place):
            break
        found.append(name)
    return found
