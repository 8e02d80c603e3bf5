from pathlib import Path

import pytest

from penstock_testing.lanes import ALONE, RUN_FOLDER, TOGETHER, EndToEndRun, lane_of


@pytest.mark.parametrize(
    ("marks", "lane"),
    [
        ((), TOGETHER),
        (("timeout", "parametrize"), TOGETHER),
        (("alone",), ALONE),
        (("timeout", "alone"), ALONE),
        (("last",), ALONE),
    ],
)
def test_a_test_says_by_its_marks_what_may_run_beside_it(marks: tuple[str, ...], lane: str) -> None:
    assert lane_of(marks) == lane


def test_later_lanes_of_a_run_know_when_it_began_and_what_passed_in_earlier_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    EndToEndRun(tmp_path).begin(1700000000.25)
    monkeypatch.setenv(RUN_FOLDER, str(tmp_path))
    EndToEndRun.from_environment().add_passed(["a.py::one", "a.py::two[x@y]"])
    EndToEndRun.from_environment().add_passed(["b.py::three"])
    assert EndToEndRun.from_environment().began == 1700000000.25
    assert EndToEndRun.from_environment().passed() == {"a.py::one", "a.py::two[x@y]", "b.py::three"}


def test_a_test_that_make_did_not_start_is_told_how_to_start_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RUN_FOLDER, raising=False)
    with pytest.raises(LookupError, match="make e2e"):
        EndToEndRun.from_environment()
