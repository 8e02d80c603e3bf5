"""Where a value lies on a chart: what time is shown, in equal slices, and how high a scale reaches. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

SPANS: Final = {"hour": 3600.0, "day": 86400.0, "week": 7 * 86400.0, "all": math.inf}
"""What a person chooses to see, in seconds until now."""
DEFAULT_SPAN: Final = "week"
_SHORTEST: Final = 60.0
_DAY: Final = 86400.0
_STEPS: Final = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class TimeSpan:
    """The time that is shown, Unix seconds."""

    begin: float
    end: float

    @classmethod
    def of(cls, chosen: str, moments: Iterable[float], now: float) -> "TimeSpan":
        """What is chosen until `now`, but no time before the first of the moments. An unknown word is the default."""
        seconds = SPANS.get(chosen, SPANS[DEFAULT_SPAN])
        begin = max(min(moments, default=now), now - seconds)
        return cls(min(begin, now - _SHORTEST), now)

    def share(self, moment: float) -> float:
        """Where a moment lies: 0 is the begin, 1 the end."""
        return min(1.0, max(0.0, (moment - self.begin) / (self.end - self.begin)))

    def slices(self, number: int) -> list[float]:
        """Where each of so many equal slices begins, and the end."""
        step = (self.end - self.begin) / number
        return [self.begin + step * place for place in range(number)] + [self.end]

    def written(self, moment: float) -> str:
        """A moment in words that suit the length, UTC."""
        length = self.end - self.begin
        form = "%H:%M:%S" if length < _SHORTEST * 30 else "%d %b %H:%M" if length < 14 * _DAY else "%d %b %Y"
        return datetime.fromtimestamp(moment, UTC).strftime(form)


def highest_in_slices(
    times: Sequence[float], values: Sequence[float | None], span: TimeSpan, number: int
) -> list[float | None]:
    """The highest value of each slice. One without a point has the last value before it; None: nothing is known."""
    edges = span.slices(number)
    found: list[float | None] = []
    place, last = 0, None
    while place < len(times) and times[place] < edges[0]:
        last, place = values[place], place + 1
    for end in edges[1:]:
        here: list[float] = []
        some = False
        while place < len(times) and (times[place] < end or end == edges[-1]):
            last, place, some = values[place], place + 1, True
            here += [] if last is None else [last]
        found.append((max(here) if here else None) if some else last)
    return found


def last_in_slices(
    times: Sequence[float], values: Sequence[float | None], span: TimeSpan, number: int
) -> list[float | None]:
    """The value that held at the end of each slice; None: nothing is known."""
    edges = span.slices(number)
    found: list[float | None] = []
    place, last = 0, None
    for end in edges[1:]:
        while place < len(times) and times[place] <= end:
            last, place = values[place], place + 1
        found.append(last)
    return found


def summed_in_slices(spans: Iterable[tuple[float, float, float]], shown: TimeSpan, number: int) -> list[float | None]:
    """Counts (since, until, count) spread evenly over their time, as a sum for each slice; None: nobody counted."""
    sums: list[float | None] = [None] * number
    length = (shown.end - shown.begin) / number
    for since, until, count in spans:
        first = max(0, int((since - shown.begin) // length))
        for place in range(first, number):
            begin = shown.begin + place * length
            overlap = min(until, begin + length) - max(since, begin)
            if overlap <= 0:
                break
            sums[place] = (sums[place] or 0.0) + count * overlap / (until - since)
    return sums


def round_top(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten: where a scale ends that has to hold `value` (0 and more)."""
    if not value > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _STEPS if step * power >= value * (1 - 1e-12))
