"""The gates `latency-p50`, `latency-p90` and `latency-p99` by themselves: intervals of tries in, verdicts out."""

import math
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from penstock_contracts.api.analysis import LatencyGate
from penstock_contracts.latency_buckets import bucket_of
from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.belief import Belief
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.gates.evidence import ComparedLatencies, Evidence, TimedTries
from penstock_controller.gates.gate import GateMemory, Judgement
from penstock_controller.gates.latency import LatencyQuantile

ALPHA = 0.0025
TYPICAL_MS, SIGMA = 20.0, 0.5
RATE = 2000
"""Tries in an interval."""
STEPS = (*[5] * 4, *[25] * 3, *[50] * 14)
"""The candidate's share in each interval, per cent."""


def gate(name: str, margin: str = "20%") -> LatencyQuantile:
    return LatencyQuantile.of(LatencyGate.model_validate({"name": name, "margin": {"relative": margin}}), ALPHA)


@dataclass
class Arm:
    """A version whose latencies are log-normal."""

    random: random.Random
    factor: float = 1.0
    seen: Counter[int] = field(default_factory=Counter)

    def tried(self, tries: int, edges: Iterable[int]) -> TimedTries:
        took = Counter(
            bucket_of(self.factor * TYPICAL_MS * math.exp(self.random.gauss(0, SIGMA))) for _ in range(tries)
        )
        self.seen += took
        longer = {edge: sum(count for bucket, count in took.items() if bucket > edge) for edge in edges}
        return TimedTries(tries=tries, longer=longer, so_far=dict(self.seen))


def course(judge: LatencyQuantile, factor: float, seed: int, *, shared: Iterable[float] = ()) -> Judgement:
    """The judgement at the first `fail`, or at the end. `shared`: what slows both versions down, by interval."""
    source = random.Random(seed)
    candidate, stable = Arm(source), Arm(source)
    weather = iter(shared)
    seen = GateMemory()
    for share in STEPS:
        now = next(weather, 1.0)
        candidate.factor, stable.factor = factor * now, now
        of_candidate, edges = RATE * share // 100, judge.edges(seen.state)
        part = ComparedLatencies(
            candidate=candidate.tried(of_candidate, edges),
            stable=stable.tried(RATE - of_candidate, edges),
            highest_edge=250,
        )
        judged = judge.judge(Evidence(parts=(part,)), seen)
        seen = judged.seen
        if judged.verdict is Verdict.FAIL:
            break
    return judged


@pytest.mark.parametrize("name", ["latency-p50", "latency-p90", "latency-p99"])
@pytest.mark.parametrize("seed", range(2))
def test_a_version_as_fast_as_stable_is_not_slower(name: str, seed: int) -> None:
    assert course(gate(name), 1.0, seed).verdict is Verdict.PASS


@pytest.mark.parametrize("name", ["latency-p50", "latency-p90"])
def test_a_version_slower_by_half_of_the_margin_passes(name: str) -> None:
    assert course(gate(name), 1.1, 1).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("name", "factor", "most"),
    [
        ("latency-p50", 1.3, 4000),
        ("latency-p50", 1.5, 2500),
        ("latency-p50", 2.0, 1000),
        ("latency-p90", 1.3, 6000),
        ("latency-p90", 1.5, 2500),
        ("latency-p90", 2.0, 1000),
        ("latency-p99", 1.5, 3500),
        ("latency-p99", 2.0, 1000),
    ],
)
def test_a_slower_version_fails_within_some_tries(name: str, factor: float, most: int) -> None:
    judged = course(gate(name), factor, 1)
    assert (judged.verdict, judged.reason) == (Verdict.FAIL, "MarginExceeded")
    assert judged.seen.samples <= most


@pytest.mark.parametrize("name", ["latency-p50", "latency-p99"])
def test_what_slows_both_versions_down_blames_neither(name: str) -> None:
    weather = [1.0, 1.0, 3.0, 1.0, 1.0, 5.0, 5.0, 0.5, 1.0, 2.0]
    assert course(gate(name), 1.0, 3, shared=weather).verdict is not Verdict.FAIL


@pytest.mark.parametrize("margin", ["5%", "30%", "100%", "900%"])
def test_a_version_just_within_any_margin_is_not_failed(margin: str) -> None:
    factor = 1 + float(margin.removesuffix("%")) / 100
    assert course(gate("latency-p50", margin), factor, 5).verdict is not Verdict.FAIL


def test_a_margin_is_refused_where_a_bucket_is_wider() -> None:
    for margin in ("4%", "0%", "1000%", "20"):
        with pytest.raises(ValueError, match="margin"):
            LatencyGate.model_validate({"name": "latency-p50", "margin": {"relative": margin}})


def part(
    edges: tuple[int, ...], *, above: int = 5, stable_above: int = 2, highest: int | None = 250
) -> ComparedLatencies:
    return ComparedLatencies(
        candidate=TimedTries(tries=100, longer=dict.fromkeys(edges, above), so_far={100: 95, 110: 5}),
        stable=TimedTries(tries=1900, longer=dict.fromkeys(edges, stable_above), so_far={100: 1898, 110: 2}),
        highest_edge=highest,
    )


def test_the_first_interval_of_a_stage_only_says_where_the_next_is_counted() -> None:
    judge = gate("latency-p50")
    first = judge.judge(Evidence(parts=(part(()),)), GateMemory())
    assert (first.verdict, first.seen.samples) == (Verdict.INCONCLUSIVE, 0)
    assert judge.edges(first.seen.state) == (100, 104)
    second = judge.judge(Evidence(parts=(part((100, 104)),)), first.seen)
    assert second.seen.samples == 100


def test_a_margin_between_buckets_is_counted_at_both_of_its_edges() -> None:
    judge = gate("latency-p50", "30%")
    first = judge.judge(Evidence(parts=(part(()),)), GateMemory())
    assert judge.edges(first.seen.state) == (100, 105, 106)
    second = judge.judge(Evidence(parts=(part((100, 105, 106)),)), first.seen)
    assert judge.edges(second.seen.state) == (100, 105, 106)
    assert len(second.seen.state) < 1024


def test_an_interval_counted_at_other_edges_changes_nothing() -> None:
    judge = gate("latency-p50")
    first = judge.judge(Evidence(parts=(part(()),)), GateMemory())
    assert judge.judge(Evidence(parts=(part((7, 8)),)), first.seen).seen.samples == 0


def test_a_state_that_a_person_edited_begins_anew() -> None:
    for state in ("nonsense", "1 2 3|4 5", "a b c|1 0 1 0|[]"):
        judged = gate("latency-p50").judge(Evidence(parts=(part((100, 104)),)), GateMemory(state=state))
        assert judged.seen.samples == 0


def test_where_no_edge_is_comparable_nothing_is_decided() -> None:
    judged = gate("latency-p50").judge(Evidence(parts=(part((), highest=None),)), GateMemory())
    assert (judged.verdict, judged.seen.samples) == (Verdict.INCONCLUSIVE, 0)


def test_gateways_that_count_no_latencies_promote_nothing() -> None:
    nothing = ComparedLatencies(candidate=TimedTries(), stable=TimedTries(), highest_edge=250)
    judged = gate("latency-p50").judge(Evidence(parts=(nothing,)), GateMemory())
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "not known yet" in judged.message


def test_people_see_both_arms_in_milliseconds_with_bounds_as_far_as_there_are_any() -> None:
    figures = {figure.name: figure for figure in course(gate("latency-p50"), 1.5, 1).seen.figures}
    median = figures["p50, ms"]
    assert 0.95 * 30 < median.candidate < 1.1 * 30
    assert median.stable is not None
    assert 0.95 * 20 < median.stable < 1.1 * 20
    assert figures["p50, ms, at least"].candidate < median.candidate < figures["p50, ms, at most"].candidate
    tail = {figure.name for figure in course(gate("latency-p99"), 2.0, 1).seen.figures}
    assert "p99, ms, at least" in tail
    assert "p99, ms, at most" not in tail


def test_the_message_has_tries_shares_thresholds_and_odds() -> None:
    told = course(gate("latency-p50"), 1.5, 1).message
    for words in ("took longer than", "at stable longer than", "slower by more than 20 %", "error level 0.25 %"):
        assert words in told


def test_the_known_gain_of_a_block() -> None:
    block = Block(candidate=CountedTries(100, 5), stable=CountedTries(1900, 2))
    assert Belief(0.0555, 0.0005).log_gain(block, 0.005) == pytest.approx(5.92864, abs=1e-5)


def only(edges: tuple[int, ...], *, candidate: int = 0, stable: int = 0, bucket: int = 100) -> ComparedLatencies:
    return ComparedLatencies(
        candidate=TimedTries(tries=candidate, longer=dict.fromkeys(edges, 0), so_far={bucket: 100}),
        stable=TimedTries(tries=stable, longer=dict.fromkeys(edges, 0), so_far={bucket: 1900}),
        highest_edge=250,
    )


def test_thresholds_stay_while_one_version_waits_for_tries_of_the_other() -> None:
    judge = gate("latency-p50")
    seen = judge.judge(Evidence(parts=(part(()),)), GateMemory()).seen
    seen = judge.judge(Evidence(parts=(only((100, 104), stable=50, bucket=90),)), seen).seen
    assert judge.edges(seen.state) == (100, 104)
    seen = judge.judge(Evidence(parts=(only((100, 104), candidate=50, bucket=90),)), seen).seen
    assert judge.edges(seen.state) == (90, 94)
    assert seen.samples == 50


def test_an_interval_in_which_shares_changed_is_in_no_block() -> None:
    judge = gate("latency-p50")
    seen = judge.judge(Evidence(parts=(part(()),)), GateMemory()).seen
    changed = part((100, 104)).of_other_shares()
    judged = judge.judge(Evidence(parts=(changed,)), seen)
    assert (judged.seen.samples, judge.edges(judged.seen.state)) == (0, (100, 104))


def test_a_larger_pass_margin_passes_sooner_and_a_smaller_one_counts_as_the_margin() -> None:
    entry = {"name": "latency-p99", "margin": {"relative": "20%"}}
    larger, smaller = (
        LatencyQuantile.of(LatencyGate.model_validate({**entry, "passMargin": {"relative": share}}), ALPHA)
        for share in ("50%", "10%")
    )
    assert course(larger, 1.1, 1).verdict is Verdict.PASS
    assert course(gate("latency-p99"), 1.1, 1).verdict is Verdict.INCONCLUSIVE
    assert smaller.config == gate("latency-p99").config == "margin 20%, passMargin 20%"
