"""The gate error-rate: that a version is as good as stable is no pass where it serves nobody."""

import pytest

from penstock_contracts.api.analysis import ErrorRateGate
from penstock_contracts.api.reasons import Reason
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.error_rate import ErrorRate
from penstock_controller.gates.evidence import ComparedTries, Evidence, TryCount
from penstock_controller.gates.gate import GateMemory, Judgement

GATE = ErrorRate.of(ErrorRateGate(name="error-rate"), 0.0025)
"""On its defaults: what must be excluded grows with stable's rate."""
WELL, DOWN = (0.0, 0.001), (0.99, 0.99)


def judged(*intervals: tuple[float, float], seen: GateMemory | None = None) -> Judgement:
    """The judgement after intervals in which the candidate and stable fail these shares of their tries."""
    memory, found = seen or GateMemory(), None
    for candidate, stable in intervals:
        tries = ComparedTries(candidate=failing(100, candidate), stable=failing(1900, stable))
        found = GATE.assess(Evidence(parts=(tries,)), memory)
        memory = found.seen
    assert found
    return found


def failing(tries: int, share: float) -> TryCount:
    return TryCount(tries=tries, failures=round(tries * share))


@pytest.mark.parametrize("failing", [0.5, 0.6, 0.9, 0.99, 1.0])
def test_a_candidate_that_does_not_serve_never_passes_however_bad_stable_is(failing: float) -> None:
    seen = GateMemory()
    for _ in range(100):
        found = judged((failing, failing), seen=seen)
        assert found.verdict is Verdict.INCONCLUSIVE
        seen = found.seen
    assert found.reason == Reason.NOT_SHOWN_TO_SERVE
    assert found.message.endswith("; but it is not shown that more than half of its tries succeed")


@pytest.mark.parametrize("failing", [0.0, 0.01, 0.05, 0.3])
def test_a_candidate_that_serves_passes_where_stable_fails_as_often(failing: float) -> None:
    assert judged(*[(failing, failing)] * 100).verdict is Verdict.PASS


def test_nothing_passes_while_neither_version_serves_and_it_does_soon_after() -> None:
    served = judged(*[WELL] * 20)
    assert served.verdict is Verdict.PASS
    down = judged(*[DOWN] * 20, seen=served.seen)
    assert (down.verdict, down.reason) == (Verdict.INCONCLUSIVE, Reason.NOT_SHOWN_TO_SERVE)
    assert judged(*[WELL] * 20, seen=down.seen).verdict is Verdict.PASS


def test_a_candidate_that_serves_where_stable_does_not_passes() -> None:
    assert judged(*[(0.01, 0.99)] * 5).verdict is Verdict.PASS


def test_before_its_samples_have_come_it_is_not_said_that_it_does_not_serve() -> None:
    assert judged((1.0, 1.0)).reason == Reason.NOT_DECIDED
