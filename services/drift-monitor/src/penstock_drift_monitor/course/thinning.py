"""Which points of a series become one as they age. Pure.

Time is cut into slots, and a slot holds one point. The older a point, the longer its slot; every length divides the
next, so slots of one length lie whole in those of the next.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LENGTHS: Final = ((_MINUTE, 1), (10 * _MINUTE, 10), (_HOUR, _MINUTE), (_DAY, 15 * _MINUTE), (8 * _DAY, 2 * _HOUR))
"""Up to so many seconds of age, slots of so many seconds."""
_LONGEST: Final = 12 * _HOUR
KEPT_SECONDS: Final = 60 * _DAY
"""Older points go."""
MOST_POINTS: Final = 480
"""No series has more, however often a point is added."""


@dataclass(frozen=True, order=True)
class Slot:
    """A stretch of time."""

    start: int
    """Unix time in seconds, a multiple of the length."""
    length: int
    """Seconds."""


@dataclass(frozen=True)
class Merge:
    """Slots of which one is made."""

    into: Slot
    parts: tuple[Slot, ...]
    """Oldest first; `into` itself may be among them."""


def slot_of(at: float) -> Slot:
    """Slot of a point that is new at Unix time `at`."""
    return _slot(int(at), _LENGTHS[0][1])


def merges(slots: Iterable[Slot], now: float) -> list[Merge]:
    """What is to be made one at Unix time `now`: slots that have become too old for their length."""
    found: dict[Slot, list[Slot]] = {}
    for slot in sorted(slots):
        found.setdefault(_wanted(slot, now), []).append(slot)
    return [Merge(into, tuple(parts)) for into, parts in found.items() if parts != [into]]


def _wanted(slot: Slot, now: float) -> Slot:
    age = now - slot.start - slot.length
    length = next((length for most, length in _LENGTHS if age < most), _LONGEST)
    return slot if length <= slot.length else _slot(slot.start, length)


def _slot(at: int, length: int) -> Slot:
    return Slot(at // length * length, length)
