"""What a detector remembers between two looks, and the same as bytes."""

import json
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from penstock_drift_monitor.detector import memory, quality, ranks
from penstock_drift_monitor.detector.column import Whole
from penstock_drift_monitor.detector.counts import Counts
from penstock_drift_monitor.detector.sample import Numbers

_FORMAT: Final = b"penstock-bets-1\n"
_COUNTS: Final = ("bins", "missing", "non_finite", "unseen")


@dataclass(kw_only=True)
class BetState:
    """Of the bets on C columns of at most K bins. Sums are log odds, minus infinity before the first block."""

    began: float | None
    """Unix time at which the running period began; None: no row came, or there are no periods."""
    last: float
    """Unix time of the newest row."""
    blocks: int
    """Judged for shape, location and spread, and the rows in them."""
    block_rows: int
    looks: int
    """Judged for missing, non-finite and unseen values, and the rows in them."""
    look_rows: int
    block: Counts
    """Not judged yet, for shape, location and spread."""
    look: Counts
    """Not judged yet, for missing, non-finite and unseen values."""
    drift_sums: tuple[Numbers, Numbers, Numbers]
    """Memories x C, bets x C, bets x C."""
    quality_sums: Numbers
    """Bets x 3 x C."""
    recent_bins: Numbers
    """Memories x C x K."""
    recent_answers: Numbers
    """Memories x 3 x C x 2."""
    since: Numbers
    """C; Unix time, NaN where there is no drift."""

    @classmethod
    def begun(cls, columns: int, bins: int) -> "BetState":
        """Before any row."""
        memories, questions = len(memory.BLOCKS), len(quality.QUESTIONS)
        by_shape, by_location, by_spread = (
            np.full((bets, columns), -np.inf) for bets in (memories, ranks.BETS, ranks.BETS)
        )
        return cls(
            began=None,
            last=0.0,
            blocks=0,
            block_rows=0,
            looks=0,
            look_rows=0,
            block=Counts.none(columns, bins),
            look=Counts.none(columns, bins),
            drift_sums=(by_shape, by_location, by_spread),
            quality_sums=np.full((quality.BETS, questions, columns), -np.inf),
            recent_bins=memory.nothing(columns, bins),
            recent_answers=np.zeros((memories, questions, columns, 2)),
            since=np.full(columns, np.nan),
        )

    def to_bytes(self, digest: str, period_seconds: float) -> bytes:
        """A line with the format, a line of JSON, then all arrays, little-endian."""
        head = {
            "digest": digest,
            "period": period_seconds,
            "began": self.began,
            "last": self.last,
            "numbers": [self.blocks, self.block_rows, self.looks, self.look_rows, self.block.rows, self.look.rows],
        }
        whole = b"".join(array.astype("<i8").tobytes() for array in self._whole())
        numbers = b"".join(array.astype("<f8").tobytes() for array in self._numbers())
        return _FORMAT + json.dumps(head).encode() + b"\n" + whole + numbers

    @classmethod
    def from_bytes(cls, data: bytes, digest: str, period_seconds: float, columns: int, bins: int) -> "BetState":
        """What `to_bytes` wrote.

        Raises:
            ValueError: It is of another reference or period, or is no such state.
        """
        if not data.startswith(_FORMAT):
            raise ValueError(f"state of the bets: not in the format {_FORMAT.decode().strip()}; begin anew")
        line, _, body = data[len(_FORMAT) :].partition(b"\n")
        try:
            head = json.loads(line)
            saved, period, began, last = (head[key] for key in ("digest", "period", "began", "last"))
            blocks, block_rows, looks, look_rows, block, look = (int(number) for number in head["numbers"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"state of the bets: its head cannot be read ({error}); begin anew") from error
        if saved != digest:
            raise ValueError("state of the bets: it is of another reference sample; begin anew")
        if period != period_seconds:
            raise ValueError(f"state of the bets: its period is {period} s, not {period_seconds} s; begin anew")
        state = cls.begun(columns, bins)
        state.began = None if began is None else float(began)
        state.last = float(last)
        state.blocks, state.block_rows, state.looks, state.look_rows = blocks, block_rows, looks, look_rows
        state._fill(body)  # noqa: SLF001
        state.block = Counts(rows=block, **{name: getattr(state.block, name) for name in _COUNTS})
        state.look = Counts(rows=look, **{name: getattr(state.look, name) for name in _COUNTS})
        return state

    def _fill(self, body: bytes) -> None:
        """The arrays from their bytes, in the order in which `to_bytes` wrote them."""
        for counts in ("block", "look"):  # arrays of `none` are shared
            old: Counts = getattr(self, counts)
            setattr(self, counts, Counts(rows=0, **{name: getattr(old, name).copy() for name in _COUNTS}))
        arrays: list[Whole | Numbers] = [*self._whole(), *self._numbers()]
        needed = 8 * sum(math.prod(array.shape) for array in arrays)
        if len(body) != needed:
            raise ValueError(f"state of the bets: {len(body)} bytes of numbers instead of {needed}; begin anew")
        start = 0
        for array in arrays:
            kind = "<i8" if array.dtype.kind == "i" else "<f8"
            array[...] = np.frombuffer(body, kind, array.size, start).reshape(array.shape)
            start += 8 * array.size

    def _whole(self) -> list[Whole]:
        return [getattr(counts, name) for counts in (self.block, self.look) for name in _COUNTS]

    def _numbers(self) -> list[Numbers]:
        return [*self.drift_sums, self.quality_sums, self.recent_bins, self.recent_answers, self.since]
