"""The latency gates, and the rivals' limits, on versions whose latencies are known."""

import pytest

from bench.verdicts.latencies import ALLOWED, DOCUMENTED_MS, P99_MS, LatencyScene, gate_end, rival_caught, share_above
from bench.verdicts.rivals import ARGO, FLAGGER
from penstock_contracts.verdict import Verdict

TWICE = LatencyScene(name="twice as slow", candidate=2.0)
EQUAL = LatencyScene(name="equal", candidate=1.0)
LIMIT_MS = ALLOWED * P99_MS


@pytest.mark.parametrize(
    ("limit_ms", "factor", "share"), [(P99_MS, 1.0, 0.01), (20.0, 1.0, 0.5), (2 * P99_MS, 2.0, 0.01), (40.0, 2.0, 0.5)]
)
def test_the_share_above_a_known_quantile(limit_ms: float, factor: float, share: float) -> None:
    assert share_above(limit_ms, factor) == pytest.approx(share, rel=1e-3)


@pytest.mark.parametrize("gate", ["latency-p50", "latency-p90", "latency-p99"])
def test_each_gate_fails_a_version_that_is_twice_as_slow_before_its_second_step(gate: str) -> None:
    ended = gate_end(TWICE, gate, seed=1)
    assert ended.verdict is Verdict.FAIL
    assert ended.tries < 600


def test_an_equal_version_passes_when_the_steps_are_over_also_where_both_are_slower_than_usual() -> None:
    for scene in (EQUAL, LatencyScene(name="both slower", candidate=1.25, stable=1.25)):
        ended = gate_end(scene, "latency-p50", seed=1)
        assert ended.verdict is Verdict.PASS
        assert ended.tries == pytest.approx(200 * 60 * (0.05 + 0.25 + 0.5), rel=0.05)


def test_a_rival_finds_a_slow_version_by_a_limit_near_the_usual_p99_and_not_by_the_documented_one() -> None:
    for rival in (FLAGGER, ARGO):
        assert len(rival_caught(rival, TWICE, LIMIT_MS, attempts=2)) == 2
        assert rival_caught(rival, TWICE, DOCUMENTED_MS, attempts=2) == []
        assert rival_caught(rival, EQUAL, LIMIT_MS, attempts=2) == []


def test_a_rival_takes_back_an_equal_version_while_both_are_slower_than_usual() -> None:
    both = LatencyScene(name="both slower", candidate=1.25, stable=1.25)
    assert len(rival_caught(FLAGGER, both, LIMIT_MS, attempts=2)) == 2
