"""Recorded requests that a candidate answers later: chosen once, counted once, whatever restarts in between."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from penstock_contracts.divergence import DivergenceReport, ReplayProblem, ReplayReport, ReplayWish
from penstock_contracts.drift import ServedVersion
from penstock_drift_monitor.database import open_for_reading
from penstock_drift_monitor.divergence_store import missing_scale
from penstock_drift_monitor.errors import UnknownResource
from penstock_drift_monitor.replay_store import ANSWERED, GONE, ChosenRequest, waiting
from penstock_drift_monitor.replays.choice import ReplayChoice, choose
from penstock_drift_monitor.tidying import tidy

from .kept_monitor import CANDIDATE, NOW, STABLE, WISH, Answer, Kept, answers

REPLAY = ReplayWish(test="max 1%", max_requests=100, per_second=20, timeout_seconds=10, lapse_seconds=60)
ASKED = WISH.model_copy(update={"replay": REPLAY})


def chosen(kept: Kept, *, most: int = 100, stable: ServedVersion = STABLE) -> ReplayChoice:
    """Of what was recorded before the counts began."""
    start = kept.ledger.replay_start("shop", "fraud", ASKED)
    with closing(open_for_reading(kept.folder)) as database:
        return choose(database, start.resource, stable, through=start.through, most=most)


def begin(kept: Kept, found: ReplayChoice | None = None) -> Sequence[ChosenRequest]:
    """The requests that wait to be answered."""
    start = kept.ledger.replay_start("shop", "fraud", ASKED)
    found = found or chosen(kept)
    why = (found.problem or "", found.message)
    kept.ledger.divergences.begin_replay(start.resource, ASKED, found.requests, why)
    return next_of(kept)


def next_of(kept: Kept, most: int = 100) -> Sequence[ChosenRequest]:
    return waiting(kept.database, kept.ledger.replay_start("shop", "fraud", ASKED).resource, most)


def note(kept: Kept, outcomes: dict[str, str]) -> None:
    resource = kept.ledger.replay_start("shop", "fraud", ASKED).resource
    kept.ledger.divergences.replays.note(resource, outcomes)


def replay_of(report: DivergenceReport) -> ReplayReport:
    assert report.replay is not None
    return report.replay


def names(requests: Sequence[ChosenRequest]) -> list[str]:
    return [each.request for each in requests]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """Five requests were answered by stable before the attempt began."""
    monitor = Kept(tmp_path)
    monitor.send(STABLE, answers(0, 1, 1, 0, 1))
    monitor.compare(ASKED)
    return monitor


def test_recorded_requests_that_the_candidate_answers_later_make_pairs(kept: Kept) -> None:
    assert names(begin(kept)) == [f"request-{number}" for number in range(5)]
    kept.send(CANDIDATE, answers(0, 1, 0, 0, 1), shadow=True)
    report = kept.found()
    assert (report.pairs, report.flips, report.recorded) == (5, 1, 5)


def test_pairs_of_copies_are_told_from_those_of_recorded_requests(kept: Kept) -> None:
    begin(kept)
    kept.send(STABLE, answers(0, 0, first=10))
    kept.send(CANDIDATE, answers(0, 0, first=10), shadow=True)
    kept.send(CANDIDATE, answers(0, 1), shadow=True)
    report = kept.found()
    assert (report.pairs, report.recorded) == (4, 2)


def test_only_what_was_recorded_before_the_counts_began_is_chosen(kept: Kept) -> None:
    """What came since is copied to the candidate: a request would count twice."""
    kept.send(STABLE, answers(1, 1, first=10))
    assert len(begin(kept)) == 5


def test_the_newest_are_chosen_each_with_another_input(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.send(STABLE, answers(*range(6)), inputs=[1, 1, 2, 3, 4, 3])
    kept.compare(ASKED)
    assert names(chosen(kept).requests) == ["request-1", "request-2", "request-4", "request-5"]
    assert names(chosen(kept, most=2).requests) == ["request-4", "request-5"]


def test_copies_and_requests_without_an_id_are_not_chosen(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.send(STABLE, [("", 1.0), ("named", 1.0)])
    kept.send(STABLE, answers(1, 1), shadow=True)
    kept.compare(ASKED)
    assert names(chosen(kept).requests) == ["named"]


def test_nothing_recorded_is_told(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.compare(ASKED)
    assert begin(kept) == []
    found = replay_of(kept.found())
    assert (found.chosen, found.problem) == (0, ReplayProblem.NOTHING_RECORDED)
    assert "version 1" in found.message


def test_records_that_lack_columns_are_told(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.send(STABLE, answers(0, 1), form=None)
    kept.compare(ASKED)
    begin(kept)
    found = replay_of(kept.found())
    assert found.problem == ReplayProblem.COLUMNS_NOT_RECORDED
    assert "spec.predictor.logger" in found.message


def test_records_from_before_columns_were_left_out_are_answered(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.send(STABLE, answers(0, 1))
    kept.send(STABLE, answers(0, 1, first=2), form=None)
    kept.compare(ASKED)
    assert names(begin(kept)) == ["request-0", "request-1"]


def test_what_became_of_each_is_known_after_a_restart(kept: Kept) -> None:
    begin(kept)
    note(kept, {"request-0": ANSWERED, "request-1": "500", "request-2": GONE, "request-3": ""})
    kept.restart()
    kept.compare(ASKED)
    assert names(next_of(kept)) == ["request-3", "request-4"]
    found = replay_of(kept.found())
    assert (found.chosen, found.answered, found.failed, found.gone) == (5, 1, 1, 1)
    assert found.failures == {"500": 1}
    assert kept.ledger.replay_start("shop", "fraud", ASKED).begun


def test_what_was_noted_stays(kept: Kept) -> None:
    begin(kept)
    note(kept, {"request-0": "500"})
    note(kept, {"request-0": ANSWERED})
    assert replay_of(kept.found()).failures == {"500": 1}


def test_an_answer_that_is_recorded_twice_counts_once(kept: Kept) -> None:
    begin(kept)
    for _ in range(2):
        kept.send(CANDIDATE, answers(1, 1), shadow=True)
    report = kept.found()
    assert (report.pairs, report.recorded) == (2, 2)


def test_another_attempt_of_the_same_version_has_them_answered_anew(kept: Kept) -> None:
    begin(kept)
    kept.send(CANDIDATE, answers(1, 1, 1, 0, 1), shadow=True)
    again = ASKED.model_copy(update={"attempt": 5})
    kept.compare(again)
    assert kept.found(5).replay is None
    start = kept.ledger.replay_start("shop", "fraud", again)
    assert not start.begun
    found = choose(kept.database, start.resource, STABLE, through=start.through, most=100)
    kept.ledger.divergences.begin_replay(start.resource, again, found.requests, ("", ""))
    kept.send(CANDIDATE, answers(1, 1, 1, 0, 1), shadow=True, now=NOW + 60)
    report = kept.found(5)
    assert (report.pairs, report.flips, report.recorded) == (5, 1, 5)


def test_what_the_candidate_answered_to_a_user_is_kept(kept: Kept) -> None:
    kept.send(CANDIDATE, answers(1))
    begin(kept)
    assert kept.database.execute("SELECT COUNT(*) FROM answers WHERE shadow = 0").fetchone() == (6,)


def test_another_test_has_them_answered_anew(kept: Kept) -> None:
    begin(kept)
    other = REPLAY.model_copy(update={"test": "max 2%"})
    assert not kept.ledger.replay_start("shop", "fraud", ASKED.model_copy(update={"replay": other})).begun


def test_the_sample_by_which_numbers_are_measured_is_wanted_before_the_first_answer(kept: Kept) -> None:
    """Live requests that came before it are followed by others; recorded ones are not."""
    assert missing_scale(kept.found(), WISH) is None
    assert missing_scale(kept.found(), ASKED) == STABLE.digest
    begin(kept)
    assert missing_scale(kept.found(), ASKED) == STABLE.digest
    assert kept.ledger.divergences.unscaled() == {STABLE.digest}
    kept.send(CANDIDATE, answers(0), shadow=True)
    assert missing_scale(kept.found(), ASKED) is None
    assert kept.ledger.divergences.unscaled() == frozenset()


def test_to_ask_for_no_more_begins_no_new_counts(kept: Kept) -> None:
    begin(kept)
    kept.send(CANDIDATE, answers(1), shadow=True)
    report = kept.compare(WISH)
    assert (report.pairs, report.recorded, replay_of(report).chosen) == (1, 1, 5)


def test_of_counts_that_ended_nothing_is_begun(kept: Kept) -> None:
    kept.compare(WISH.model_copy(update={"attempt": 5}))
    with pytest.raises(UnknownResource):
        kept.ledger.replay_start("shop", "fraud", ASKED)


@pytest.mark.parametrize("how", ["forgotten", "tidied", "next attempt"])
def test_none_is_left_of_what_ended(kept: Kept, how: str) -> None:
    begin(kept)
    if how == "forgotten":
        kept.ledger.forget("shop", "fraud")
    elif how == "tidied":
        tidy(kept.database, now=NOW + 5000, retention_seconds=1000, max_bytes=2**24)
    else:
        kept.compare(WISH.model_copy(update={"attempt": 5}))
    assert kept.database.execute("SELECT COUNT(*) FROM replays").fetchone() == (0,)


def test_requests_with_several_rows_count_once_as_requests(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    several: list[Answer] = answers(0, 1, 1)
    kept.send(STABLE, several)
    kept.compare(ASKED)
    begin(kept)
    kept.send(CANDIDATE, [*several, *several], shadow=True)
    assert (kept.found().pairs, kept.found().recorded) == (3, 3)
