"""Two versions' quality by the same labels, counted when the last of three has come: both answers, and the label.

It does not matter which comes last, nor how late. Only answers of the attempt that is asked about count: an older
attempt of the same version proves nothing for this one. Nothing is kept of a pair but counts.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

import msgspec

from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_drift_monitor.answer_pairs import StoredAnswer, arm_of, kept_pair, new_pairs
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.intake import AnsweredRow, ReadableBatch
from penstock_drift_monitor.kept_counts import KeptCounts, WishedCounts
from penstock_drift_monitor.label_store import ReadLabel
from penstock_drift_monitor.label_text import label_text
from penstock_drift_monitor.quality.label_coverage import LabelCoverage
from penstock_drift_monitor.quality.paired_evidence import Comparison, PairedEvidence, RowPrediction

_TABLE: Final = "paired_qualities"


class PairedQualityCounts(msgspec.Struct):
    """See PairedQualityReport."""

    since: str
    after: int
    """The newest answer when the attempt began: those that were there do not count."""
    evidence: PairedEvidence
    coverage: LabelCoverage = msgspec.field(default_factory=LabelCoverage)
    pairs: int = 0
    labelled: int = 0


_Found = WishedCounts[PairedQualityWish, PairedQualityCounts]


class PairedQualityStore:
    """Methods run inside the writer's transactions."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Over an open database."""
        self._database = database
        self._kept = KeptCounts(database, _TABLE, PairedQualityWish, PairedQualityCounts)

    def follow(self, resource: int, wish: PairedQualityWish, now: float) -> None:
        """Count for a wish from now on; one that is followed already goes on."""
        before = self._kept.of(resource)

        def begin(since: str) -> PairedQualityCounts:
            evidence = PairedEvidence(scale=wish.scale)
            return PairedQualityCounts(since=since, after=self._newest_before(wish, before), evidence=evidence)

        self._kept.follow(resource, wish, now, begin)

    def report(self, resource: int, namespace: str, name: str, attempt: int | None = None) -> PairedQualityReport:
        """Give what was counted. Raises UnknownResource where nothing is counted for it, or for another attempt."""
        found = self._kept.of(resource)
        if found is None or attempt not in {None, found.wish.attempt}:
            last = f"; the last that was compared is attempt {found.wish.attempt}" if found else ""
            raise UnknownResource(
                f"{namespace}/{name}: no versions' quality is compared{f' in attempt {attempt}' if attempt else ''}"
                f"{last}: a gate live-quality asks for that while an attempt runs"
            )
        wish, counts, evidence = found.wish, found.counts, found.counts.evidence
        candidate_value, stable_value = evidence.values(wish.metric) or (None, None)
        older_pairs, older_labelled = counts.coverage.older()
        return PairedQualityReport(
            namespace=namespace,
            name=name,
            attempt=wish.attempt,
            stage=wish.stage,
            candidate=wish.candidate.version,
            stable=wish.stable.version,
            metric=wish.metric,
            since=counts.since,
            pairs=counts.pairs,
            labelled=counts.labelled,
            unusable=evidence.unusable,
            unscaled=evidence.unscaled,
            compared=evidence.compared,
            candidate_value=candidate_value,
            stable_value=stable_value,
            shortfalls=tuple(evidence.shortfalls),
            scale=evidence.scale,
            positive=evidence.positive(_comparison(wish)),
            older_pairs=older_pairs,
            older_labelled=older_labelled,
        )

    def records_came(self, resource: int, arm: int, intake: ReadableBatch, now: float) -> None:
        """Count the pairs that a batch completes, and those that have their label already: before it is kept."""
        found = self._kept.running(resource, now)
        arms = self._arms(resource, found.wish) if found else None
        if found is None or arms is None or arm not in arms:
            return
        is_candidate = arm == arms[0]
        for pair in new_pairs(self._database, arm, arms[1] if is_candidate else arms[0], intake):
            if pair.partner.number <= found.counts.after:
                continue
            at = pair.partner.at if pair.row.shadow else pair.row.at
            found.counts.pairs += 1
            found.counts.coverage.pair(at)
            label = self._label(resource, pair.row)
            if label is not None:
                made = (RowPrediction(pair.row.score, pair.row.answer), _prediction(pair.partner))
                _compare(found, label, at, made if is_candidate else made[::-1])
        self._kept.save(resource, found.counts)

    def labels_came(self, resource: int, labels: Iterable[ReadLabel], now: float) -> None:
        """Count the pairs that have their label now. `labels`: new ones, of rows whose records are here."""
        found = self._kept.running(resource, now)
        arms = self._arms(resource, found.wish) if found else None
        if found is None or arms is None:
            return
        for label in labels:
            pair = kept_pair(self._database, arms, label.request, label.row)
            if pair is None or min(answer.number for answer in pair) <= found.counts.after:
                continue
            at = next(answer.at for answer in pair if not answer.shadow)
            _compare(found, label.label, at, (_prediction(pair[0]), _prediction(pair[1])))
        self._kept.save(resource, found.counts)

    def answers_went(self) -> None:
        """After old answers were removed: numbers begin anew where none is left."""
        (newest,) = self._database.execute("SELECT COALESCE(MAX(id), 0) FROM answers").fetchone()
        for resource, found in self._kept.all():
            if found.counts.after > newest:
                found.counts.after = 0
                self._kept.save(resource, found.counts)

    def _newest_before(self, wish: PairedQualityWish, before: _Found | None) -> int:
        """The newest answer before the attempt: labels may come in the bake for what was answered on trial."""
        if before is not None and _attempt_of(before.wish) == _attempt_of(wish):
            return before.counts.after
        (newest,) = self._database.execute("SELECT COALESCE(MAX(id), 0) FROM answers").fetchone()
        return int(newest)

    def _arms(self, resource: int, wish: PairedQualityWish) -> tuple[int, int] | None:
        """The candidate's and stable's; None: one of them has answered nothing yet, or both are one."""
        candidate, stable = (arm_of(self._database, resource, each) for each in (wish.candidate, wish.stable))
        return None if candidate is None or stable is None or candidate == stable else (candidate, stable)

    def _label(self, resource: int, row: AnsweredRow) -> str | None:
        found = self._database.execute(
            "SELECT label FROM labels WHERE resource = ? AND request = ? AND row = ?", (resource, row.request, row.row)
        ).fetchone()
        return str(found[0]) if found else None


def _compare(found: _Found, label: str, at: float, made: tuple[RowPrediction, RowPrediction]) -> None:
    """Count a labelled pair. `made`: by the candidate and by stable."""
    found.counts.labelled += 1
    found.counts.coverage.label(at)
    found.counts.evidence.add(_comparison(found.wish), label, *made)


def _comparison(wish: PairedQualityWish) -> Comparison:
    positive = label_text(wish.positive) if wish.positive else ""
    return Comparison(metric=wish.metric, tolerated=wish.tolerated, positive=positive)


def _attempt_of(wish: PairedQualityWish) -> tuple[int, str, str]:
    return wish.attempt, wish.candidate.digest, wish.stable.digest


def _prediction(kept: StoredAnswer) -> RowPrediction:
    return RowPrediction(kept.score, kept.named)
