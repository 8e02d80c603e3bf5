"""What the drift monitor answered while a test ran."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from penstock_contracts.drift import DriftReport
from penstock_contracts.quality import QualityReport
from penstock_testing.side_work import SideWork


@dataclass(frozen=True, kw_only=True)
class MonitorSample:
    """One look."""

    at: float
    """Unix time."""
    reason: str
    """Of the verdict on the data set."""
    scores: Mapping[str, float]
    """Column to its score as a share of the threshold: from 1 on it has drifted."""
    labelled: Mapping[str, int]
    """Version to its labelled rows."""
    roc_auc: Mapping[str, float]
    """Version to its live quality, where there is one."""


class MonitorCourse(SideWork):
    """Asks again and again from a thread, from entering the context until leaving it."""

    def __init__(self, monitor: str, namespace: str, name: str, *, pause: float = 1.0) -> None:
        super().__init__()
        self._pause = pause
        self._drift, self._quality = (f"{monitor}/v1/{of}/{namespace}/{name}" for of in ("drift", "quality"))
        self.samples: list[MonitorSample] = []

    def _work(self) -> None:
        with httpx.Client(timeout=10, trust_env=False) as client:
            while not self._over.wait(self._pause):
                try:
                    drift, quality = (client.get(url).raise_for_status() for url in (self._drift, self._quality))
                except httpx.HTTPError:
                    continue  # nobody has told it of the resource yet, or it is away: a gap in the course
                self.samples.append(
                    _sample(
                        DriftReport.model_validate_json(drift.content),
                        QualityReport.model_validate_json(quality.content),
                    )
                )


def _sample(drift: DriftReport, quality: QualityReport) -> MonitorSample:
    return MonitorSample(
        at=time.time(),
        reason=drift.reason,
        scores={column.name: column.score / column.threshold for column in drift.columns if column.threshold > 0},
        labelled={version.version: version.labelled for version in quality.versions},
        roc_auc={version.version: version.roc_auc for version in quality.versions if version.roc_auc is not None},
    )
