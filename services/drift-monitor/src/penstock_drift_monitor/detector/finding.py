"""What the detector says of one column."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ColumnFinding:
    """Of one column, by the test that decides."""

    column: str
    test: str
    """shape, location, spread, missing, non-finite or unseen."""
    drifted: bool
    quality: bool
    """It is one of the last three."""
    score: float
    """Natural logarithm of the odds against "no more than the margin away"; 0 where there is nothing against it."""
    threshold: float
    """The score from which it is drift."""
    rows: int
    """Rows that this test judged."""
    since: float | None
    """Unix time of the newest row of the block at which it was found to be drift; None: it is none."""
    judged: bool
    """False: no block was judged yet."""
    unusual: bool
    """Within the running period the odds are high so far. It decides nothing."""
