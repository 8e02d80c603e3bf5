"""Labelled pairs in the monitor's database: each counts once, whichever of its three parts comes last, and when."""

from collections.abc import Callable, Mapping
from itertools import count, permutations
from pathlib import Path

import msgspec
import numpy as np
import pytest

from penstock_contracts.drift import DriftWish, ServedVersion
from penstock_contracts.labels import LabelOutcome
from penstock_contracts.paired_quality import PairedQualityReport, PairedQualityWish
from penstock_contracts.quality import QualityMetric
from penstock_contracts.records import RecordBatch, RecordBlock, RecordedRequest, RecordedRun
from penstock_drift_monitor.database import open_database
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.intake import read_batch
from penstock_drift_monitor.label_store import LabelStore, ReadLabel, ReadLabels
from penstock_drift_monitor.ledger import Ledger, LedgerBounds
from penstock_drift_monitor.tidying import tidy

STABLE = ServedVersion(version="1", digest="sha256:1", revision="rev1")
CANDIDATE = ServedVersion(version="2", digest="sha256:2", revision="rev2")
THIRD = ServedVersion(version="3", digest="sha256:3", revision="rev3")
WISH = PairedQualityWish(attempt=4, stage="trial", candidate=CANDIDATE, stable=STABLE, metric=QualityMetric.ACCURACY)
NOW = 1_000_000.0
RIGHT, WRONG = {"a": 0.9}, {"a": 0.1}
TRUTH = {"a": "1"}
Scores = Mapping[str, float]
"""By request."""


class Kept:
    """A monitor's ledger, with predictors and somebody who knows the truth."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers = count(1)
        self.begin()
        self.ledger.wish("shop", "fraud", DriftWish(stable=STABLE, others=(CANDIDATE,)), NOW)

    def begin(self) -> None:
        """Another process: only what is on the disk is left."""
        self.database = open_database(self.folder, 2**24)
        bounds = LedgerBounds(window_rows=10_000, resources=10, versions=3)
        labels = LabelStore(self.database, retention_seconds=1000, max_waiting=10)
        self.ledger = Ledger(self.database, bounds, labels)

    def restart(self) -> None:
        self.database.close()
        self.begin()

    def send(
        self,
        served: ServedVersion,
        scores: Scores,
        *,
        shadow: bool = False,
        number: int | None = None,
        now: float = NOW,
    ) -> None:
        """One batch; each request has one row."""
        number = number or next(self.numbers)
        run = RecordedRun(
            at=now,
            requests=tuple(RecordedRequest(request, 1, shadow) for request in scores),
            inputs=(np.zeros(len(scores)).tobytes(),),
            outputs=(np.array(list(scores.values())).tobytes(),),
        )
        batch = RecordBatch(
            namespace="shop",
            name="fraud",
            digest=served.digest,
            version=served.version,
            revision=served.revision,
            sender=f"pod-{served.version}",
            number=number,
            inputs=(RecordBlock(("amount",), "FP64"),),
            outputs=(RecordBlock(("score",), "FP64"),),
            runs=(run,),
        )
        self.ledger.take(read_batch(msgspec.msgpack.encode(batch), now=now, max_rows=1000), now)

    def label(self, truth: Mapping[str, str], now: float = NOW) -> LabelOutcome:
        labels = [ReadLabel(request=request, row=0, label=label, at=None) for request, label in truth.items()]
        return self.ledger.take_labels("shop", "fraud", ReadLabels(labels), now)

    def compare(self, wish: PairedQualityWish = WISH, now: float = NOW) -> PairedQualityReport:
        return self.ledger.compare_quality("shop", "fraud", wish, now)

    def found(self, attempt: int | None = 4) -> PairedQualityReport:
        return self.ledger.paired_quality("shop", "fraud", attempt)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    monitor = Kept(tmp_path)
    # Each version has answered before: the monitor knows both.
    monitor.send(STABLE, {"before": 0.5})
    monitor.send(CANDIDATE, {"before": 0.5}, shadow=True)
    monitor.compare()
    return monitor


def figures(report: PairedQualityReport) -> tuple[int, int, int, float | None, float | None]:
    return report.pairs, report.labelled, report.compared, report.candidate_value, report.stable_value


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_it_does_not_matter_which_of_both_answers_and_the_label_comes_last(kept: Kept, order: tuple[int, ...]) -> None:
    come: list[Callable[[], object]] = [
        lambda: kept.send(STABLE, RIGHT),
        lambda: kept.send(CANDIDATE, WRONG, shadow=True),
        lambda: kept.label(TRUTH),
    ]
    for each in order:
        assert kept.found().labelled == 0
        come[each]()
    assert figures(kept.found()) == (1, 1, 1, 0.0, 1.0)
    assert kept.found().shortfalls[-1] == 1


def test_copies_of_the_candidates_requests_at_stable_count_alike(kept: Kept) -> None:
    kept.send(CANDIDATE, RIGHT)
    kept.send(STABLE, WRONG, shadow=True)
    kept.label(TRUTH)
    assert figures(kept.found()) == (1, 1, 1, 1.0, 0.0)


def test_a_label_that_is_repeated_or_conflicts_counts_once(kept: Kept) -> None:
    kept.send(STABLE, RIGHT)
    kept.send(CANDIDATE, RIGHT, shadow=True)
    for label in ("1", "1", "0"):
        kept.label({"a": label})
    assert figures(kept.found()) == (1, 1, 1, 1.0, 1.0)


def test_records_that_are_sent_again_count_once_also_from_another_sender(kept: Kept) -> None:
    kept.send(STABLE, RIGHT, number=50)
    kept.send(CANDIDATE, RIGHT, shadow=True, number=60)
    kept.label(TRUTH)
    kept.send(STABLE, RIGHT, number=50)
    kept.send(CANDIDATE, RIGHT, shadow=True, number=61)
    assert figures(kept.found()) == (1, 1, 1, 1.0, 1.0)


def test_answers_of_one_version_or_both_to_users_make_no_pair(kept: Kept) -> None:
    kept.send(STABLE, {"a": 0.9, "b": 0.9})
    kept.send(CANDIDATE, {"a": 0.9})
    kept.send(THIRD, {"b": 0.9}, shadow=True)
    kept.label({"a": "1", "b": "1"})
    assert figures(kept.found()) == (0, 0, 0, None, None)


def test_no_label_is_no_evidence(kept: Kept) -> None:
    kept.send(STABLE, RIGHT)
    kept.send(CANDIDATE, WRONG, shadow=True)
    assert figures(kept.found()) == (1, 0, 0, None, None)
    assert (kept.found().older_pairs, kept.found().older_labelled) == (0, 0)


def test_counts_outlast_the_process_and_go_on(kept: Kept) -> None:
    kept.send(STABLE, RIGHT)
    kept.send(CANDIDATE, WRONG, shadow=True)
    before = kept.found()
    kept.restart()
    assert kept.compare() == before
    kept.label(TRUTH)
    assert figures(kept.found()) == (1, 1, 1, 0.0, 1.0)
    assert kept.found().since == before.since


def test_a_label_comes_late_and_in_another_stage_and_counts_for_what_was_answered_in_the_attempt(kept: Kept) -> None:
    kept.send(STABLE, RIGHT)
    kept.send(CANDIDATE, WRONG, shadow=True)
    trial = kept.found()
    bake = kept.compare(WISH.model_copy(update={"stage": "bake"}), NOW + 900)
    assert bake.since != trial.since
    kept.label(TRUTH, NOW + 950)
    assert (kept.found().labelled, kept.found().stage) == (1, "bake")


def test_what_was_answered_in_an_older_attempt_of_the_same_version_does_not_count(kept: Kept) -> None:
    kept.send(STABLE, RIGHT)
    kept.send(CANDIDATE, WRONG, shadow=True)
    kept.compare(WISH.model_copy(update={"attempt": 5}), NOW + 10)
    kept.label(TRUTH)
    assert figures(kept.found(5)) == (0, 0, 0, None, None)
    kept.send(STABLE, {"b": 0.9})
    kept.send(CANDIDATE, {"b": 0.9}, shadow=True)
    kept.label({"b": "1"})
    assert figures(kept.found(5)) == (1, 1, 1, 1.0, 1.0)
    with pytest.raises(UnknownResource, match="in attempt 4; the last that was compared is attempt 5"):
        kept.found(4)


def test_another_metric_or_margin_begins_anew(kept: Kept) -> None:
    kept.send(STABLE, RIGHT)
    kept.send(CANDIDATE, WRONG, shadow=True)
    kept.label(TRUTH)
    for changed in ({"metric": QualityMetric.BRIER}, {"metric": QualityMetric.BRIER, "tolerated": 1.1}):
        assert kept.compare(WISH.model_copy(update=changed), NOW + 1).compared == 0


def test_a_wish_that_nobody_repeats_lapses_and_is_counted_for_again_when_it_is(kept: Kept) -> None:
    kept.send(STABLE, RIGHT, now=NOW + 4000)
    kept.send(CANDIDATE, WRONG, shadow=True, now=NOW + 4000)
    assert kept.found().pairs == 0
    kept.compare(now=NOW + 4000)
    kept.label(TRUTH, NOW + 4001)
    assert kept.found().labelled == 1


def test_after_all_answers_were_removed_new_ones_count(kept: Kept) -> None:
    kept.send(STABLE, RIGHT)
    kept.compare(WISH.model_copy(update={"attempt": 5}))
    tidy(kept.database, now=NOW + 10_000, retention_seconds=100, max_bytes=2**24)
    kept.ledger.tidied()
    kept.compare(WISH.model_copy(update={"attempt": 5}), NOW + 10_000)
    kept.send(STABLE, {"b": 0.9}, now=NOW + 10_000)
    kept.send(CANDIDATE, {"b": 0.9}, shadow=True, now=NOW + 10_000)
    assert kept.found(5).pairs == 1


def test_a_resource_that_is_forgotten_has_no_counts(kept: Kept) -> None:
    kept.ledger.forget("shop", "fraud")
    with pytest.raises(UnknownResource, match="no versions' quality is compared"):
        kept.found(None)


def test_errors_have_the_scale_of_the_wish_or_wait_for_one(kept: Kept) -> None:
    mae = WISH.model_copy(update={"metric": QualityMetric.MAE})
    kept.compare(mae)
    kept.send(STABLE, {"b": 0.9})
    kept.send(CANDIDATE, {"b": 0.7}, shadow=True)
    kept.label({"b": "1"})
    assert (kept.found().unscaled, kept.found().scale) == (1, None)
    assert kept.compare(mae.model_copy(update={"scale": 2.0})).scale == 2.0


def test_the_name_of_the_positive_class_is_read_as_labels_are(kept: Kept) -> None:
    kept.compare(WISH.model_copy(update={"metric": QualityMetric.BRIER, "positive": "1.0"}))
    assert kept.found().positive == "1"
