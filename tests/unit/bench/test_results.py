"""Ends of attempts are drawn once, kept, and drawn anew where the code is another one."""

import json
from pathlib import Path

import pytest

from bench.verdicts import cells, figures, tables
from bench.verdicts.attempts import AttemptEnd
from bench.verdicts.cells import VerdictCell
from bench.verdicts.figures import bound_of, is_rolled_back, p95
from bench.verdicts.results import BATCH, OURS, CellEnd, DrawnEnds
from bench.verdicts.rivals import FLAGGER_FASTEST, PROMOTED, ROLLED_BACK
from bench.verdicts.traces import Scene

CELL = VerdictCell(name="perfect", scene=Scene(rate=50, errors=0.0))
WHO = FLAGGER_FASTEST.name


def drawn(file: Path, attempts: int = BATCH) -> tuple[DrawnEnds, int]:
    """What there is after a run, and how many batches it had to draw."""
    results = DrawnEnds(file=file)
    results.load()
    before = lines(file)
    list(results.draw([(CELL, WHO)], attempts, workers=1))
    return results, lines(file) - before


def lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_a_second_run_draws_only_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "ends.jsonl"
    first, batches = drawn(file)
    assert batches == 1
    again, batches = drawn(file)
    assert batches == 0
    assert again.ends(CELL, WHO, BATCH) == first.ends(CELL, WHO, BATCH)
    more, batches = drawn(file, attempts=2 * BATCH)
    assert batches == 1
    assert more.ends(CELL, WHO, BATCH) == first.ends(CELL, WHO, BATCH)
    assert len(more.ends(CELL, WHO, 2 * BATCH)) == 2 * BATCH
    assert {end.end for end in more.ends(CELL, WHO, 2 * BATCH)} == {PROMOTED}


def test_a_line_that_was_cut_off_or_follows_from_other_code_is_drawn_anew(tmp_path: Path) -> None:
    file = tmp_path / "ends.jsonl"
    drawn(file)
    other = {**json.loads(file.read_text()), "code": "of yesterday"}
    file.write_text(f'{json.dumps(other)}\n{{"code": "cut o')
    results, _ = drawn(file)
    assert lines(file) == 1
    assert len(results.ends(CELL, WHO, BATCH)) == BATCH


@pytest.mark.parametrize(
    ("end", "rolled_back"),
    [
        (AttemptEnd.PROMOTED, False),
        (AttemptEnd.FAILED, True),
        (AttemptEnd.FAILED_IN_BAKE, True),
        (AttemptEnd.DEADLINE_SAMPLES, False),
        (AttemptEnd.DEADLINE_VERDICT, False),
        (PROMOTED, False),
        (ROLLED_BACK, True),
    ],
)
def test_waiting_too_long_is_no_rollback(end: str, rolled_back: bool) -> None:
    assert is_rolled_back(CellEnd(end=str(end), seconds=1, tries=1, failures=0)) is rolled_back


def test_cells_have_names_of_their_own_and_scenes_that_can_be_drawn() -> None:
    assert len({cell.name for cell in cells.EVERY}) == len(cells.EVERY)
    assert not any("," in cell.name for cell in cells.EVERY), "ONLY has commas between its parts"
    for scene in {cell.scene for cell in cells.EVERY}:
        scene.trace(0)


def test_no_verdict_is_due_for_harm_within_the_margin() -> None:
    with pytest.raises(ValueError, match="within the margin"):
        bound_of(Scene(rate=200, errors=0.05, harm=0.001))
    assert bound_of(Scene(rate=200, errors=0.001, harm=0.2)) < bound_of(Scene(rate=200, errors=0.001, harm=0.05))


def test_the_95_per_cent_quantile_is_a_value_that_was_seen() -> None:
    assert p95(list(range(1, 101))) == 95
    assert p95([7]) == 7
    assert figures.GOOD_ENDS.isdisjoint(figures.BAD_ENDS)


def test_only_attempts_that_were_caught_count_for_the_tries() -> None:
    ends = [CellEnd(end=end, seconds=1, tries=tries, failures=0) for end, tries in ((ROLLED_BACK, 10), (PROMOTED, 99))]
    assert tables.tries_until(ends) == "10 / 10, 50 % caught"
    assert tables.tries_until(ends[1:]) == "never"
    assert tables.main("none-such") == 2
    assert OURS not in tables.DOCUMENTED
