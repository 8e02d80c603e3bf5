"""How long to wait between tries."""

import random
from collections.abc import Iterator

FIRST_SECONDS = 0.2
CAP_SECONDS = 5.0


def delays(draw: random.Random, *, first: float = FIRST_SECONDS, cap: float = CAP_SECONDS) -> Iterator[float]:
    """Yield seconds without end: doubling from `first` up to `cap`, each shortened at random by up to a half.

    The jitter keeps a hundred pods that lost the store together from coming back together.
    """
    bound = first
    while True:
        yield draw.uniform(bound / 2, bound)
        bound = min(cap, bound * 2)
