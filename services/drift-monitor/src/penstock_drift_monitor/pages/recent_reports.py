from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from penstock_contracts.drift import DriftReport
from penstock_drift_monitor.reports.job import Report

_KEPT: Final = 4
_SECONDS: Final = 60.0


class RecentReports:
    """The last few reports: page and JSON are mostly asked for one after the other, and each takes half a minute.

    A report stands for a verdict, and for a minute: labels may come without a change of the verdict.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._kept: OrderedDict[DriftReport, tuple[float, Report]] = OrderedDict()

    def get(self, verdict: DriftReport) -> Report | None:
        """Give the report that was made for this verdict, if it is not a minute old."""
        made, report = self._kept.get(verdict, (None, None))
        return report if made is not None and self._clock() - made < _SECONDS else None

    def keep(self, verdict: DriftReport, report: Report) -> None:
        """Keep it in place of the oldest."""
        self._kept.pop(verdict, None)
        self._kept[verdict] = (self._clock(), report)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
