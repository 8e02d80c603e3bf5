"""`tests/stage`: what a person reads of each part of a long run."""

import subprocess
import sys

import pytest

from penstock_testing import end_to_end
from penstock_testing.lanes import TOGETHER
from penstock_testing.platform import ROOT


def told(*arguments: str, ends_with: int) -> str:
    command = [sys.executable, "-c", f"raise SystemExit({ends_with})"]
    ended = subprocess.run(
        [ROOT / "tests" / "stage", *arguments, *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == ends_with, ended.stderr
    first, last = ended.stdout.strip().splitlines()
    assert first == "== a lane"
    return last


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "done"), (1, "FAILED (exit code 1)"), (5, "no test selected")],
)
def test_a_lane_without_a_test_says_so_in_place_of_a_failure(code: int, words: str) -> None:
    said = told("--means", "5", "no test selected", "a lane", ends_with=code)
    assert said.startswith(f"== a lane: {words} after ")


def test_the_lanes_of_the_end_to_end_tests_know_what_pytest_means() -> None:
    command = end_to_end._lane(TOGETHER, ())
    stage, *means = command[: command.index(sys.executable) - 1]
    assert stage == str(ROOT / "tests" / "stage")
    assert told(*means, "a lane", ends_with=pytest.ExitCode.NO_TESTS_COLLECTED).startswith(
        "== a lane: no test selected after "
    )


def test_an_exit_code_that_nobody_gave_a_meaning_is_a_failure() -> None:
    assert told("a lane", ends_with=5).startswith("== a lane: FAILED (exit code 5) after ")
