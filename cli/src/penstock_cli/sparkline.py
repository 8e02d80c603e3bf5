"""A course as one line of text: each character as high as its part of the way."""

from collections.abc import Callable, Sequence
from typing import TypeVar

BLOCKS = "▁▂▃▄▅▆▇█"
"""The last one only where the limit was reached."""
_TELLING = " pief"
"""First letters of verdicts, the most telling last."""
_Point = TypeVar("_Point")


def sparkline(points: Sequence[float | None], together: int, *, peaks: bool) -> str:
    """A character for so many points together: as high as the highest (`peaks`), or as the last of them.

    Where nothing was read, what was read before still stands; before the first point there are blanks.
    """
    last = max((index for index, point in enumerate(points) if point is not None), default=-1)
    filled = _filled(points[: last + 1], None)
    return "".join(map(_block, _merged(filled, together, _highest if peaks else _last)))


def verdict_line(verdicts: str, together: int) -> str:
    """First letters of verdicts: of so many together the most telling."""
    filled = _filled(verdicts.rstrip(), " ")
    return "".join(_merged(filled, together, lambda found: max(found, key=_TELLING.find)))


def _filled(points: Sequence[_Point], missing: _Point) -> list[_Point]:
    """With what was read before where nothing was read."""
    filled: list[_Point] = []
    for point in points:
        filled.append(filled[-1] if point == missing and filled else point)
    return filled


def _merged(points: list[_Point], together: int, merge: Callable[[list[_Point]], _Point]) -> list[_Point]:
    return [merge(points[first : first + together]) for first in range(0, len(points), together)]


def _highest(points: list[float | None]) -> float | None:
    return max((point for point in points if point is not None), default=None)


def _last(points: list[float | None]) -> float | None:
    return points[-1]


def _block(point: float | None) -> str:
    return " " if point is None else BLOCKS[int(point * (len(BLOCKS) - 1))]
