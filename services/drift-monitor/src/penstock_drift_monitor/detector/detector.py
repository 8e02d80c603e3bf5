"""The state of all bets on a resource's columns, block by block."""

import math
from typing import Final

import numpy as np

from penstock_drift_monitor.detector import evidence, memory, noise, quality, ranks, shape, state
from penstock_drift_monitor.detector.counts import Counts
from penstock_drift_monitor.detector.finding import ColumnFinding
from penstock_drift_monitor.detector.reference import Reference
from penstock_drift_monitor.detector.sample import Numbers

__all__ = ["LEAST_ROWS", "ColumnFinding", "Detector"]

LEAST_ROWS: Final = 50
"""Of a block. Looks with fewer rows are put together: a bet on a row at a time costs as much as one on fifty."""
_DRIFTS: Final = ("shape", "location", "spread")


class Detector:
    """Bets on the columns of one reference.

    With `period_seconds` 0 a block ends as soon as it has 50 rows. Otherwise a block of the bets on shape, location and
    spread is a whole period, counted from the first row (stakes do not change within it), and 50 rows are a block only
    for missing, non-finite and unseen values. A period in which fewer rows came goes on in the next one.
    """

    def __init__(self, reference: Reference, *, period_seconds: float) -> None:
        """Before any live row."""
        if not (math.isfinite(period_seconds) and period_seconds >= 0):
            raise ValueError(f"a period of {period_seconds} seconds: give 0 or more")
        self._reference, self._period = reference, period_seconds
        columns, bins = reference.binned, reference.bins
        width = len(columns)
        self._shares = np.zeros((width, bins))
        for position, column in enumerate(columns):
            self._shares[position, : len(column.shares)] = column.shares
        self._margin = np.array([max(reference.margin, noise.of_shares(c.shares, c.binned)) for c in columns])
        self._has_shape = np.array([column.binned > 0 for column in columns], np.bool_)
        self._has_ranks = np.array([column.binned > 0 and column.is_numeric for column in columns], np.bool_)
        self._rank_factors = (
            ranks.location(columns, bins, reference.margin),
            ranks.spread(columns, bins, reference.margin),
        )
        self._quality_shares = quality.shares(columns)
        self._quality_limits = quality.limits(columns)
        self._state = state.BetState.begun(width, bins)

    @property
    def reference(self) -> Reference:
        """What it compares with."""
        return self._reference

    def add(self, counts: Counts, at: float) -> None:
        """Live rows, the newest of Unix time `at`: one look.

        Raises:
            ValueError: The counts are not of this detector's reference, or `at` is no finite number.
        """
        if not math.isfinite(at):
            raise ValueError(f"rows at the time {at}: give Unix time in seconds")
        if not counts.rows:
            return
        now = self._state
        if self._period and now.began is None:
            now.began = at
        if self._period and now.began is not None and at >= now.began + self._period:
            if now.block.rows >= LEAST_ROWS:
                self._judge_block()
                self._note(now.last)
            # After a gap the phase of the wave is of no use: a period that began in the gap would miss a part of it.
            now.began = now.began + self._period if at < now.began + 2 * self._period else at
        now.block += counts
        now.look += counts
        now.last = max(at, now.last)
        if now.look.rows >= LEAST_ROWS:
            self._judge_quality()
            if not self._period:  # both began together, and end together
                self._judge_block()
            self._note(at)

    def findings(self) -> tuple[ColumnFinding, ...]:
        """One for each column, in the reference's order."""
        scores, thresholds = self._scores(), self._thresholds()
        unusual = self._unusual()
        return tuple(
            self._finding(position, scores[:, position], thresholds, unusual=bool(unusual[position]))
            for position in range(len(self._reference.columns))
        )

    def relative_scores(self) -> Numbers:
        """Each column's score as a part of its threshold, by the test that decides: drift from 1 on; NaN: not judged.

        Costs a look at the sums, no more: for courses over time.
        """
        scores, thresholds = self._scores(), self._thresholds()
        beyond = scores - thresholds[:, np.newaxis]
        family = np.where(beyond[-1] >= 0, len(_DRIFTS), np.argmax(beyond, axis=0))
        columns = np.arange(len(family))
        found = np.maximum(0.0, scores[family, columns]) / thresholds[family]
        return np.where((self._state.blocks > 0) | (beyond[family, columns] >= 0), found, np.nan)

    def to_bytes(self) -> bytes:
        """Its state, numbers only: a few hundred of them for each column."""
        return self._state.to_bytes(self._reference.digest, self._period)

    @classmethod
    def from_bytes(cls, reference: Reference, data: bytes, *, period_seconds: float) -> "Detector":
        """The detector that `to_bytes` was asked of.

        Raises:
            ValueError: The state is of another reference, of another period, or no such state.
        """
        detector = cls(reference, period_seconds=period_seconds)
        width = len(reference.columns)
        detector._state = state.BetState.from_bytes(data, reference.digest, period_seconds, width, reference.bins)
        return detector

    def _judge_block(self) -> None:
        """Plays the bets on shape, location and spread, and begins another block."""
        now = self._state
        now.blocks += 1
        now.block_rows += now.block.rows
        most = self._thresholds()[0] + evidence.HYSTERESIS
        for sums, gains in zip(now.drift_sums, self._drift_gains(), strict=True):
            sums[:] = evidence.kept(sums, gains, most)
        now.recent_bins = memory.after(now.recent_bins, now.block.bins)
        now.block = Counts.none(*now.block.bins.shape)

    def _judge_quality(self) -> None:
        """Plays the bets on missing, non-finite and unseen values, and begins another look."""
        now = self._state
        now.looks += 1
        now.look_rows += now.look.rows
        block = quality.answers(now.look)
        flat = now.recent_answers.reshape(len(memory.BLOCKS), -1, 2)
        expected = np.stack([self._quality_shares, 1 - self._quality_shares], axis=-1).reshape(-1, 2)
        recent = memory.shares(flat, expected)[..., 0].reshape(now.recent_answers.shape[:-1])
        gains = quality.log_gains(block, recent, *self._quality_limits)
        now.quality_sums = evidence.kept(now.quality_sums, gains, self._thresholds()[-1] + evidence.HYSTERESIS)
        now.recent_answers = memory.after(flat, block.reshape(-1, 2)).reshape(now.recent_answers.shape)
        now.look = Counts.none(*now.look.bins.shape)

    def _drift_gains(self) -> tuple[Numbers, Numbers, Numbers]:
        """Of the block so far: memories x C, bets x C, bets x C."""
        counts = self._state.block.bins.astype(np.float64)
        recent = memory.shares(self._state.recent_bins, self._shares)
        by_shape = shape.log_gains(counts, recent, self._shares, self._margin)
        by_location, by_spread = (ranks.log_gains(counts, factors) for factors in self._rank_factors)
        return by_shape, by_location, by_spread

    def _note(self, at: float) -> None:
        """Since when each column drifts."""
        drifted = (self._scores() >= self._thresholds()[:, np.newaxis]).any(axis=0)
        since = self._state.since
        since[drifted & np.isnan(since)] = at
        since[~drifted] = np.nan

    def _thresholds(self) -> Numbers:
        """Of shape, location, spread and quality, by the blocks' mean number of rows."""
        now, width = self._state, len(self._reference.columns)
        drift = evidence.threshold(width, now.block_rows / now.blocks if now.blocks else LEAST_ROWS)
        of_quality = evidence.threshold(width, now.look_rows / now.looks if now.looks else LEAST_ROWS)
        return np.array([drift, drift, drift, of_quality])

    def _scores(self) -> Numbers:
        """Of the four families for each column: 4 x C. Quality is the mean of its three questions."""
        sums = self._state.quality_sums
        by_quality = evidence.averaged(sums.reshape(-1, sums.shape[-1]))
        return np.stack([*self._masked(self._state.drift_sums), by_quality])

    def _masked(self, sums: tuple[Numbers, ...]) -> list[Numbers]:
        """Mean of each family's sums, minus infinity where a column has no such bet."""
        kinds = (self._has_shape, self._has_ranks, self._has_ranks)
        return [np.where(has, evidence.averaged(of), -np.inf) for has, of in zip(kinds, sums, strict=True)]

    def _unusual(self) -> Numbers:
        """Whether the block so far would be drift, were it whole."""
        now = self._state
        if not self._period or now.block.rows < LEAST_ROWS:
            return np.zeros(len(self._reference.columns))
        gains = zip(now.drift_sums, self._drift_gains(), strict=True)
        so_far = self._masked(tuple(evidence.after(sums, gain) for sums, gain in gains))
        return np.asarray(np.max(so_far, axis=0) >= self._thresholds()[0], np.float64)

    def _finding(self, position: int, scores: Numbers, thresholds: Numbers, *, unusual: bool) -> ColumnFinding:
        """Quality decides wherever it alarms: what is broken upstream explains the rest, and is mended first."""
        now, beyond = self._state, scores - thresholds
        family = len(_DRIFTS) if beyond[-1] >= 0 else int(np.argmax(beyond))
        is_quality = family == len(_DRIFTS)
        since = float(now.since[position])
        return ColumnFinding(
            column=self._reference.columns[position],
            test=self._question(position) if is_quality else _DRIFTS[family],
            drifted=bool(beyond[family] >= 0),
            quality=is_quality,
            score=max(0.0, float(scores[family])),
            threshold=float(thresholds[family]),
            rows=now.look_rows if is_quality else now.block_rows,
            since=None if math.isnan(since) else since,
            judged=now.blocks > 0 or bool(beyond[family] >= 0),
            unusual=unusual,
        )

    def _question(self, position: int) -> str:
        return quality.QUESTIONS[int(np.argmax(evidence.averaged(self._state.quality_sums[:, :, position])))]
