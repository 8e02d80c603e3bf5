"""How the gates of an attempt went: a bounded number of points, which merge as the attempt gets longer."""

from typing import Annotated

from pydantic import Field

from penstock_contracts.api.schema import StatusModel
from penstock_contracts.verdict import Verdict

MOST_POINTS = 48
"""Of each course. They fit beside a name and a number on 80 columns."""
MOST_BOUNDS = 9
"""Of a gate: its own, and its samples."""
NO_POINT = " "
"""Stands where nothing was read."""
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_THERE = len(_DIGITS) - 1

Points = Annotated[str, Field(max_length=MOST_POINTS)]


def level(reached: float) -> str:
    """A part of a way, from 0 to 1, as one character. Rounded down: only what is there reads as there."""
    return _DIGITS[_THERE if reached >= 1 else max(0, int(reached * _THERE))]


def part(character: str) -> float | None:
    """What `level` made the character of; None: no point."""
    found = _DIGITS.find(character) if character.strip() else -1
    return found / _THERE if found >= 0 else None


class BoundCourse(StatusModel):
    """How far one number of a gate had come on the way to its limit."""

    name: Annotated[str, Field(max_length=64)]
    """The bound's name, or `samples`."""
    decides: Verdict
    """What the gate says where this and all else that it takes is there."""
    points: Points
    """A character for each slot since the attempt began: from 0 (nothing) to z (it was there), a blank where nothing
    was read."""


class GateCourse(StatusModel):
    """How one gate went in one stage."""

    gate: Annotated[str, Field(max_length=128)]
    """Its name, as in status.gates."""
    stage: Annotated[str, Field(max_length=16)]
    """As in status.gates."""
    verdicts: Points
    """The first letter of what it said in each slot, in a blank where nothing was read."""
    bounds: Annotated[tuple[BoundCourse, ...], Field(max_length=MOST_BOUNDS)] = ()


class AttemptCourse(StatusModel):
    """How the gates of one attempt went."""

    attempt: int
    """Number of the attempt."""
    since: str
    """When its first slot began (RFC 3339)."""
    slot_seconds: int = 1
    """How long each slot lasts; it doubles when they get too many."""
    weights: Points = ""
    """The share of the requests that the judged version was known to get, from 0 to z (all)."""
    gates: Annotated[tuple[GateCourse, ...], Field(max_length=32)] = ()
