"""The bench of what gates cost: its attempts end as they should, and what they write does not depend on the gates."""

import pytest

from bench.evaluation.driven_attempt import DrivenEnd, run
from bench.evaluation.evaluation import begun_with
from bench.evaluation.gate_sets import SETS


def driven(number: int, failing: float) -> DrivenEnd:
    return run(begun_with(SETS[number], 2, seed=1, failing=failing), 200)


@pytest.mark.parametrize(("failing", "completion"), [(0.0, "Promoted"), (0.2, "RolledBack")])
def test_however_many_gates_there_are_an_attempt_takes_the_same_writes(failing: float, completion: str) -> None:
    few, many = driven(0, failing), driven(2, failing)
    assert few.completion == many.completion == completion
    assert few.writes == many.writes
    assert few.seconds == many.seconds


def test_an_attempt_writes_status_hardly_more_often_than_counters_are_read() -> None:
    """Every ten seconds, four times more after each of five changes of shares, at each step, and at both ends."""
    end = driven(0, 0.0)
    assert end.writes <= end.seconds / 10 + 5 * 4 + 2 * 8 + 10
