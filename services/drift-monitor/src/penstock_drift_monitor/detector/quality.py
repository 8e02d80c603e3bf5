"""Bets on yes-or-no questions: is the value missing, is it no finite number, has the reference never seen it?

The shape bet of two bins: of all shares within the margin the least favourable is the one nearest to what is bet on. As
alternatives serve what recent blocks were like, and three fixed ones, so that a column that vanishes is found in its
first block. Fewer missing values than in the reference are a change too; fewer non-finite or unseen ones are not.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from penstock_contracts.drift import QUALITY_TESTS
from penstock_drift_monitor.detector import memory
from penstock_drift_monitor.detector.column import BinnedColumn, ReferenceShare, Whole
from penstock_drift_monitor.detector.counts import Counts
from penstock_drift_monitor.detector.sample import Numbers

QUESTIONS: Final = QUALITY_TESTS
MARGIN: Final = 0.02
"""Of a share: two points more are nobody's concern."""
_FURTHER: Final = np.array([0.05, 0.2, 0.6]).reshape(3, 1, 1)
"""Fixed alternatives: so much of the way from the margin to always."""
BETS: Final = len(memory.BLOCKS) + len(_FURTHER)


def shares(columns: Sequence[BinnedColumn]) -> Numbers:
    """In the reference: 3 x C."""
    return np.array([[share.value for share in row] for row in _asked(columns)]).reshape(len(QUESTIONS), len(columns))


def limits(columns: Sequence[BinnedColumn]) -> tuple[Numbers, Numbers]:
    """Lowest and highest share that is no finding: 3 x C each."""
    noises = np.array([[share.noise for share in row] for row in _asked(columns)]).reshape(len(QUESTIONS), len(columns))
    reference, margin = shares(columns), np.maximum(MARGIN, noises)
    low = np.where(np.arange(len(QUESTIONS))[:, np.newaxis] == 0, np.maximum(0.0, reference - margin), 0.0)
    return low, np.minimum(1.0, reference + margin)


def _asked(columns: Sequence[BinnedColumn]) -> tuple[list[ReferenceShare], ...]:
    """By question the shares of all columns."""
    return [each.missing for each in columns], [each.non_finite for each in columns], [each.unseen for each in columns]


def answers(counts: Counts) -> Whole:
    """How often yes, and how often no: 3 x C x 2. What is missing is not asked further, nor what is not finite."""
    yes = np.stack([counts.missing, counts.non_finite, counts.unseen])
    asked = counts.rows - np.stack([np.zeros_like(counts.missing), counts.missing, counts.missing + counts.non_finite])
    return np.stack([yes, asked - yes], axis=-1)


def log_gains(block: Whole, recent: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Log of what a block's answers multiply each stake by: bets x 3 x C.

    Args:
        block: 3 x C x 2, yes and no.
        recent: Share of yes in recent blocks: memories x 3 x C.
        low: Lowest share that is no finding, 3 x C.
        high: Highest.
    """
    wanted = np.concatenate([recent, high + _FURTHER * (1 - high)])
    nearest = np.clip(wanted, low, high)
    yes, no = block[..., 0], block[..., 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        # 0/0 is an answer that neither can give; where it is given, the bet is lost at worst.
        gains = np.where(yes > 0, yes * np.log(wanted / nearest), 0.0)
        gains += np.where(no > 0, no * np.log((1 - wanted) / (1 - nearest)), 0.0)
    return np.where(wanted == nearest, 0.0, gains)
