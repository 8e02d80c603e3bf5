"""What was found when served features were last compared with those of training."""

import sqlite3

from penstock_contracts.skew import SkewComparison, SkewReport
from penstock_drift_monitor.skew_words import skew_message
from penstock_drift_monitor.timestamps import rfc3339


class SkewStore:
    """One comparison for each resource, the newest."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def keep(self, resource: int, comparison: SkewComparison, now: float) -> SkewReport:
        """Take a comparison in place of the one before. `now`: Unix seconds."""
        self._database.execute(
            "INSERT OR REPLACE INTO skews VALUES (?, ?, ?)", (resource, now, comparison.model_dump_json())
        )
        return report_of_skew(comparison, now)

    def report(self, resource: int) -> SkewReport | None:
        """Give the last; None: there was none."""
        found = self._database.execute("SELECT at, comparison FROM skews WHERE resource = ?", (resource,)).fetchone()
        return None if found is None else report_of_skew(SkewComparison.model_validate_json(found[1]), found[0])


def report_of_skew(comparison: SkewComparison, at: float) -> SkewReport:
    """A comparison with its verdict. `at`: Unix seconds, when it came."""
    return SkewReport(
        comparison=comparison,
        compared_at=rfc3339(at),
        skewed=comparison.skewed,
        message=skew_message(comparison),
    )
