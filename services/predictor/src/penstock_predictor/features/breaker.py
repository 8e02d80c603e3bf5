"""When a server that fails is left alone for a while."""

from collections.abc import Callable
from typing import Final

FAILURES: Final = 5
"""In a row, after which it opens."""
OPEN_SECONDS: Final = 1.0
"""How long it stays open. Then one call is let through: it closes, or opens again."""


class CircuitBreaker:
    """Used on the event loop only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._trying = False

    def lets_through(self) -> bool:
        """Whether a call may be made now. Whoever is told yes tells how it went."""
        if self._failures < FAILURES:
            return True
        if self._trying or self._clock() < self._open_until:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        """A call was answered."""
        self._failures = 0
        self._trying = False

    def failed(self) -> bool:
        """A call failed; answer whether the breaker opened by it."""
        self._failures += 1
        self._trying = False
        if self._failures < FAILURES:
            return False
        self._open_until = self._clock() + OPEN_SECONDS
        return self._failures == FAILURES
