"""What of a resource is noted over time: by the writer's thread, beside the batches, never for one."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from penstock_contracts.drift import RolloutFacts
from penstock_contracts.quality import QualityReport
from penstock_drift_monitor.course.levels import as_levels
from penstock_drift_monitor.course.store import CourseStore, Series
from penstock_drift_monitor.watch import INPUTS, Watch, subject

EVERY_SECONDS: Final = 10.0
"""Between two notes of a resource that gets rows."""
_SILENT_SECONDS: Final = 120.0
"""Without a change of tries: those that come then are counted from so long before."""
_LONGEST: Final = 300
"""Characters of a text that is noted."""
_VERSIONS: Final = 20
"""Of which something is noted at one moment."""


class CourseNotes:
    """Notes what changed. Only the writer's thread touches it."""

    def __init__(self, store: CourseStore) -> None:
        """`store` has the points."""
        self.store = store
        self._fresh: set[int] = set()
        self._settling: set[int] = set()

    def rows_came(self, resource: int) -> None:
        """Have the resource noted in the next round."""
        self._fresh.add(resource)

    def due(self) -> list[int]:
        """Take the resources that are to be noted: those that got rows since the last round, or just before it.

        The point after the last rows ends the span in which they came.
        """
        found = self._fresh | self._settling
        self._fresh, self._settling = set(), self._fresh
        return sorted(found)

    def note(self, resource: int, watch: Watch, came: Mapping[str, int], now: float) -> None:
        """Note columns and rows. `came`: rows so far, by version. A database that is nearly full takes no note."""
        if not self.store.has_room():
            return
        names, levels = _levels(watch)
        if names:
            self.store.note_levels(resource, now, names, levels)
        before = self.store.latest(resource, Series.ROWS)
        if before is not None and now - before[0] > 2 * EVERY_SECONDS and before[1] != came:
            # Nothing came for long: that is a span of its own.
            self.store.note(resource, Series.ROWS, now - EVERY_SECONDS, before[1])
        self.store.note(resource, Series.ROWS, now, dict(came))

    def rollout(self, resource: int, facts: RolloutFacts, now: float) -> None:
        """Note a rollout where it changed, and the tries that were counted."""
        if not self.store.has_room():
            return
        weights = dict(list(facts.weights.items())[:_VERSIONS])
        told = {"phase": facts.phase[:_LONGEST], "weights": weights, "decision": facts.decision[:_LONGEST]}
        before = self.store.latest(resource, Series.ROLLOUT)
        if (weights or facts.phase) and (before is None or before[1] != told):
            self.store.note(resource, Series.ROLLOUT, now, told)
        if facts.tries:
            known = self.store.latest(resource, Series.TRIES)
            added = _added(known[1] if known else None, facts)
            if known is not None and added == known[1]:
                return
            if known is not None and now - known[0] > _SILENT_SECONDS:
                # Nothing was counted between two attempts.
                self.store.note(resource, Series.TRIES, now - _SILENT_SECONDS, known[1])
            self.store.note(resource, Series.TRIES, now, added)

    def quality(self, resource: int, report: QualityReport, now: float) -> None:
        """Note how good the versions are that have labels."""
        told = {
            each.version: {
                "figure": each.interval.figure,
                "value": getattr(each, each.interval.figure),
                "low": each.interval.low,
                "high": each.interval.high,
                "labelled": each.labelled,
            }
            for each in report.versions[-_VERSIONS:]
            if each.interval is not None
        }
        before = self.store.latest(resource, Series.QUALITY)
        if told and (before is None or before[1] != told) and self.store.has_room():
            self.store.note(resource, Series.QUALITY, now, told)

    def forget(self) -> None:
        """After a rollback."""
        self.store.forget()


def _levels(watch: Watch) -> tuple[list[str], bytes]:
    """Columns under the names that reports have for them."""
    names: list[str] = []
    scores = []
    if INPUTS in watch.judges:
        judge = watch.judges[INPUTS]
        names += judge.reference.columns
        scores.append(judge.detector.relative_scores())
    for each in watch.versions():
        judged = watch.judges.get(subject(each.version, each.digest))
        if judged is not None:
            names += [f"{column} (version {each.version})" for column in judged.reference.columns]
            scores.append(judged.detector.relative_scores())
    return names, as_levels(np.concatenate(scores)) if scores else b""


def _added(before: Any, facts: RolloutFacts) -> dict[str, Any]:
    """Tries so far over all attempts: counters begin at 0 with each attempt, and a gateway pod that left is silent."""
    raw = {version: [told.tries, told.failures] for version, told in list(facts.tries.items())[:_VERSIONS]}
    sums = dict(before["sum"]) if before else {}
    same = before is not None and before["attempt"] == facts.attempt
    for version, counts in raw.items():
        known = before["raw"].get(version, [0, 0]) if same else [0, 0]
        more = [max(0, count - was) for count, was in zip(counts, known, strict=True)]
        old = sums.pop(version, [0, 0])
        sums[version] = [old[0] + more[0], old[1] + more[1]]
    return {"attempt": facts.attempt, "raw": raw, "sum": dict(list(sums.items())[-_VERSIONS:])}
