"""Which requests are recorded: decided by their ids alone, so that two versions pick the same ones."""

from typing import Final
from zlib import crc32

_ALL: Final = 2**32
_STEP: Final = 2654435761
"""2**32 divided by the golden ratio: multiples of it, less whole multiples of 2**32, lie evenly over that range."""


class Sampling:
    """Takes a share of all requests. Used on the event loop only."""

    def __init__(self, rate: float, start: int = 0) -> None:
        """`rate`: from 0 to 1. `start`: where this process begins with requests that have no id."""
        self._below = round(rate * _ALL)
        self._without_id = start % _ALL

    def takes(self, request_id: bytes | None) -> bool:
        """Whether to record this request. Of those without an id it takes the same share, evenly."""
        if request_id:
            return crc32(request_id) < self._below
        self._without_id = (self._without_id + _STEP) % _ALL
        return self._without_id < self._below
