"""Pairs of two versions' answers: counted once, in whatever order and however often their records come."""

import sqlite3
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from penstock_contracts.divergence import DIFFERENCE_EDGES, DivergenceReport, difference_bin
from penstock_drift_monitor.database import open_database
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.tidying import tidy

from .kept_monitor import BOTH, CANDIDATE, NOTHING, NOW, SCORE, STABLE, THIRD, WISH, Kept, answers


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    monitor = Kept(tmp_path)
    monitor.compare()
    return monitor


def figures(report: DivergenceReport) -> tuple[int, int]:
    return report.pairs, report.flips


def test_classes_that_differ_are_flips(kept: Kept) -> None:
    kept.send(STABLE, answers(0, 1, 1, 0))
    kept.send(CANDIDATE, answers(0, 1, 0, 1), shadow=True)
    report = kept.found()
    assert (report.pairs, report.classified, report.flips, report.scored) == (4, 4, 2, 0)
    assert (report.candidate_rows, report.stable_rows) == (4, 4)
    assert (report.attempt, report.candidate, report.stable) == (4, "2", "1")


@pytest.mark.parametrize("copies_first", [True, False])
def test_it_does_not_matter_which_record_comes_first(kept: Kept, *, copies_first: bool) -> None:
    sends = [
        partial(kept.send, STABLE, answers(0, 1)),
        partial(kept.send, CANDIDATE, answers(1, 1), shadow=True),
    ]
    for send in reversed(sends) if copies_first else sends:
        send()
    assert figures(kept.found()) == (2, 1)


def test_copies_of_the_candidates_requests_at_stable_count_alike(kept: Kept) -> None:
    kept.send(CANDIDATE, answers(0, 1))
    kept.send(STABLE, answers(1, 1), shadow=True)
    assert figures(kept.found()) == (2, 1)


def test_a_batch_that_is_sent_again_changes_nothing(kept: Kept) -> None:
    for _ in range(3):
        kept.send(STABLE, answers(0, 1), number=1)
        kept.send(CANDIDATE, answers(1, 1), shadow=True, number=1)
    assert figures(kept.found()) == (2, 1)


def test_a_request_that_comes_again_in_another_batch_counts_once(kept: Kept) -> None:
    kept.send(STABLE, answers(0, 1))
    for _ in range(2):
        kept.send(CANDIDATE, [*answers(1, 1), *answers(1)], shadow=True)
    kept.send(STABLE, answers(0, 1))
    assert figures(kept.found()) == (2, 1)


def test_after_a_restart_a_partner_is_found_and_counts_go_on(kept: Kept) -> None:
    kept.send(STABLE, answers(0, 1, 0))
    kept.send(CANDIDATE, answers(1), shadow=True)
    before = kept.found()
    kept.restart()
    assert kept.found() == before
    kept.send(CANDIDATE, answers(1), shadow=True)
    kept.send(CANDIDATE, answers(1, 1, first=1), shadow=True)
    report = kept.compare()
    assert figures(report) == (3, 2)
    assert report.since == before.since


def test_what_is_rolled_back_was_not_counted(kept: Kept) -> None:
    kept.send(STABLE, answers(0, 1), inputs=[1, 2])
    kept.database.execute("BEGIN")
    kept.send(CANDIDATE, answers(1, 1), shadow=True, number=9, inputs=[1, 2])
    kept.database.execute("ROLLBACK")
    kept.ledger.forget_judges()
    assert kept.found().pairs == 0
    kept.send(CANDIDATE, answers(1, 1), shadow=True, number=9, inputs=[1, 2])
    report = kept.found()
    assert (report.pairs, report.flips, report.repeated) == (2, 1, 0)


def test_two_answers_to_a_user_are_no_pair(kept: Kept) -> None:
    kept.send(CANDIDATE, answers(0))
    kept.send(STABLE, answers(1))
    assert kept.found().pairs == 0


def test_another_version_is_not_compared(kept: Kept) -> None:
    kept.send(STABLE, answers(0))
    kept.send(THIRD, answers(1), shadow=True)
    report = kept.found()
    assert (report.pairs, report.candidate_rows, report.stable_rows) == (0, 0, 1)


def test_requests_without_an_id_are_no_pairs(kept: Kept) -> None:
    kept.send(STABLE, [("", 0), ("a", 1)])
    kept.send(CANDIDATE, [("", 1), ("a", 1)], shadow=True)
    assert figures(kept.found()) == (1, 0)


def test_probabilities_differ_by_their_difference(kept: Kept) -> None:
    kept.send(STABLE, [("a", 0.2), ("b", 0.9), ("c", 0.5)], block=BOTH)
    kept.send(CANDIDATE, [("a", 0.7), ("b", 0.9), ("c", float("nan"))], block=BOTH, shadow=True)
    report = kept.found()
    assert (report.pairs, report.classified, report.scored, report.scale) == (3, 0, 3, 1.0)
    assert report.total_difference == pytest.approx(1.5)
    bins = {index: held for index, held in enumerate(report.differences) if held}
    assert bins == {0: 1, difference_bin(0.5): 1, 63: 1}


def test_numbers_differ_by_their_part_of_the_scale(kept: Kept) -> None:
    kept.compare(WISH.model_copy(update={"scale": 200.0}))
    kept.send(STABLE, [("a", 1000.0), ("b", 1000.0)], block=SCORE)
    kept.send(CANDIDATE, [("a", 1050.0), ("b", -9000.0)], block=SCORE, shadow=True)
    report = kept.found()
    assert (report.scored, report.scale, report.total_difference) == (2, 200.0, 1.25)


def test_numbers_without_a_known_scale_are_told_and_not_judged(kept: Kept) -> None:
    kept.send(STABLE, [("a", 1000.0)], block=SCORE)
    kept.send(CANDIDATE, [("a", 1050.0)], block=SCORE, shadow=True)
    report = kept.found()
    assert (report.pairs, report.scored, report.unscaled, report.scale) == (1, 0, 1, None)


def test_rows_without_a_prediction_are_told(kept: Kept) -> None:
    kept.send(STABLE, [("a", 0.0)], block=NOTHING)
    kept.send(CANDIDATE, [("a", 0.0)], block=NOTHING, shadow=True)
    report = kept.found()
    assert (report.pairs, report.unpredicted, report.candidate_rows, report.stable_rows) == (0, 2, 1, 1)


def test_a_version_that_names_no_class_where_the_other_does_differs(kept: Kept) -> None:
    kept.send(STABLE, answers(0))
    kept.send(CANDIDATE, [("request-0", 0.4)], block=SCORE, shadow=True)
    report = kept.found()
    assert (report.classified, report.flips) == (1, 1)


def test_an_input_that_is_repeated_counts_once_a_minute(kept: Kept) -> None:
    for first, now in ((0, NOW), (3, NOW + 1), (6, NOW + 120)):
        kept.send(STABLE, answers(0, 0, 0, first=first), inputs=[7, 7, 8], now=now)
        kept.send(CANDIDATE, answers(1, 1, 0, first=first), inputs=[7, 7, 8], shadow=True, now=now)
    report = kept.found()
    assert (report.pairs, report.flips, report.repeated) == (4, 2, 5)


def test_another_attempt_begins_at_nothing(kept: Kept) -> None:
    kept.send(STABLE, answers(0, 0))
    kept.send(CANDIDATE, answers(1), shadow=True)
    before = kept.found()
    again = kept.compare(WISH.model_copy(update={"attempt": 5}), NOW + 5)
    assert (again.attempt, again.pairs, again.candidate_rows) == (5, 0, 0)
    assert again.since != before.since
    with pytest.raises(UnknownResource, match="the last that was compared is attempt 5"):
        kept.found(4)


def test_what_nobody_asks_for_any_more_is_not_counted(kept: Kept) -> None:
    kept.send(STABLE, answers(0, 0), now=NOW + 4000)
    kept.send(CANDIDATE, answers(1), shadow=True, now=NOW + 4000)
    assert kept.found().pairs == 0
    kept.compare(now=NOW + 4001)
    kept.send(CANDIDATE, answers(1, first=1), shadow=True, now=NOW + 4002)
    assert figures(kept.found()) == (1, 1)


def test_a_resource_that_is_forgotten_leaves_no_counts(kept: Kept) -> None:
    kept.ledger.forget("shop", "fraud")
    with pytest.raises(UnknownResource):
        kept.found()
    assert kept.database.execute("SELECT COUNT(*) FROM divergences").fetchone() == (0,)


def test_counts_go_with_a_resource_that_nobody_sends_for(kept: Kept) -> None:
    kept.send(STABLE, answers(0))
    for later in (5000, 5001):
        tidy(kept.database, now=NOW + later, retention_seconds=1000, max_bytes=2**24)
    assert kept.database.execute("SELECT COUNT(*) FROM divergences").fetchone() == (0,)


def test_one_row_a_resource_is_all_that_is_kept(kept: Kept) -> None:
    for number in range(20):
        kept.send(STABLE, answers(*range(10), first=10 * number))
        kept.send(CANDIDATE, answers(*range(10), first=10 * number), shadow=True)
    assert figures(kept.found()) == (200, 0)
    rows: list[tuple[int, int]] = kept.database.execute(
        "SELECT COUNT(*), SUM(LENGTH(counts)) FROM divergences"
    ).fetchall()
    assert rows[0][0] == 1
    assert rows[0][1] < 1000


def test_a_file_of_an_older_monitor_gets_the_table(tmp_path: Path) -> None:
    open_database(tmp_path, 2**24).close()
    with sqlite3.connect(tmp_path / "monitor.sqlite") as older:
        older.execute("DROP TABLE divergences")
    assert Kept(tmp_path).compare().pairs == 0


def test_bins_cover_differences_from_0_to_1_without_a_gap() -> None:
    assert (DIFFERENCE_EDGES[0], DIFFERENCE_EDGES[-1], len(DIFFERENCE_EDGES)) == (0.0, 1.0, 65)
    assert sorted(DIFFERENCE_EDGES) == list(DIFFERENCE_EDGES)
    for index, (low, high) in enumerate(pairwise(DIFFERENCE_EDGES)):
        assert difference_bin(low) == difference_bin((low + high) / 2) == index
        assert index == 0 or high / low < 1.16
    assert difference_bin(1.0) == 63
