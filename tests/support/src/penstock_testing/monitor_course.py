"""What the drift monitor answered while a test ran."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import httpx

from penstock_contracts.drift import DriftReport
from penstock_contracts.quality import QualityReport


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


class MonitorCourse:
    """Asks again and again from a thread, from entering the context until leaving it."""

    def __init__(self, monitor: str, namespace: str, name: str, *, pause: float = 1.0) -> None:
        self._pause = pause
        self._drift, self._quality = (f"{monitor}/v1/{of}/{namespace}/{name}" for of in ("drift", "quality"))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self.samples: list[MonitorSample] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join(timeout=30)

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
