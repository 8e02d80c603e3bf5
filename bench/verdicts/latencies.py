# ruff: noqa: T201
"""The gates `latency-p50`, `latency-p90` and `latency-p99`, without a rollout, beside the rivals' rules for p99.

Latencies are log-normal. Ours are counted in the gateway's buckets and read when a rollout reads them; the steps are
5, 25 and 50 % for a minute each, and after them 50 % until there is a verdict.

A rival compares the canary's p99 with a limit in milliseconds that somebody wrote down. "p99 is at most the limit" says
that at most 1 % of the requests took longer, so its rule for success rates is used with 99 %, and with "took longer
than the limit" as the failure: its figures are those of a histogram with an edge just there. Flagger documents 500 ms
(https://docs.flagger.app/usage/metrics, `request-duration`); Argo Rollouts documents no latency and gets the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import erfc, exp, log, sqrt
from statistics import median

import numpy as np
from numpy.random import Generator

from bench.verdicts.figures import p95
from bench.verdicts.rivals import RIVALS, ROLLED_BACK, Rival
from bench.verdicts.traces import Scene
from penstock_contracts.api.analysis import LatencyGate
from penstock_contracts.latency_buckets import EDGES, edge_ms
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import ComparedLatencies, Evidence, TimedTries
from penstock_controller.gates.gate import GateMemory
from penstock_controller.gates.latency import LatencyQuantile

ALPHA = 0.0025
"""1 % over two gates and two stages."""
GATES = ("latency-p50", "latency-p90", "latency-p99")
RATE = 200
USUAL_MS, SPREAD = 20.0, 0.5
"""Stable's median in milliseconds, and the standard deviation of the latencies' logarithms."""
P99_MS = USUAL_MS * exp(2.3263 * SPREAD)
STEPS = ((5, 60), (25, 60), (50, 60))
READINGS = (1.25, 2.5, 5, 10, 20, 30, 40, 50, 60)
"""Seconds after a change of weight."""
MOST_TRIES = 60_000
DOCUMENTED_MS = 500.0
ALLOWED = 1.2
"""Of the usual p99: what somebody who knows it would write down, as our gates allow a fifth."""
_EDGES_MS = np.array([edge_ms(index) for index in range(EDGES)])


@dataclass(frozen=True, kw_only=True)
class LatencyScene:
    """How slow the versions are, as multiples of what stable usually takes."""

    name: str
    candidate: float
    stable: float = 1.0


SCENES = (
    LatencyScene(name="equal", candidate=1.0),
    LatencyScene(name="equal, and both 25 % slower than usual", candidate=1.25, stable=1.25),
    LatencyScene(name="10 % slower", candidate=1.1),
    LatencyScene(name="30 % slower", candidate=1.3),
    LatencyScene(name="30 % slower, and both twice as quick as usual", candidate=0.65, stable=0.5),
    LatencyScene(name="50 % slower", candidate=1.5),
    LatencyScene(name="twice as slow", candidate=2.0),
)


@dataclass(frozen=True, kw_only=True)
class LatencyEnd:
    """What a gate said at last, and after how many tries of the candidate."""

    verdict: Verdict
    tries: int


class _Arm:
    """One version's tries: those of the interval, and all by bucket."""

    def __init__(self, rng: Generator, median_ms: float) -> None:
        self._rng = rng
        self._median = median_ms
        self.so_far = np.zeros(EDGES + 1, dtype=int)

    def answer(self, requests: float, edges: Sequence[int]) -> TimedTries:
        """So many requests in the mean."""
        tries = int(self._rng.poisson(requests))
        took = self._median * np.exp(SPREAD * self._rng.standard_normal(tries))
        self.so_far += np.bincount(np.searchsorted(_EDGES_MS, took, side="right"), minlength=EDGES + 1)
        reached = np.flatnonzero(self.so_far)
        return TimedTries(
            tries=tries,
            longer={edge: int((took >= _EDGES_MS[edge]).sum()) for edge in edges},
            so_far={int(bucket): int(self.so_far[bucket]) for bucket in reached},
        )


def _intervals() -> Iterator[tuple[int, float, bool, bool]]:
    """Weight, seconds, whether the weight is new, and whether the steps are over after it."""
    for place, (weight, _) in enumerate(STEPS):
        for before, at in zip((0.0, *READINGS), READINGS, strict=False):
            yield weight, at - before, before == 0, (place, at) == (len(STEPS) - 1, READINGS[-1])
    while True:
        yield STEPS[-1][0], 10.0, False, True


def gate_end(scene: LatencyScene, name: str, seed: int) -> LatencyEnd:
    """What the gate of this name says of one attempt. It says pass when the steps are over, or later."""
    gate = LatencyQuantile.of(LatencyGate.model_validate({"name": name}), ALPHA)
    rng, seen, tries = np.random.default_rng(seed), GateMemory(), 0
    candidate, stable = _Arm(rng, USUAL_MS * scene.candidate), _Arm(rng, USUAL_MS * scene.stable)
    for weight, seconds, new, over in _intervals():
        edges, share = gate.edges(seen.state), weight / 100
        found = ComparedLatencies(
            candidate=candidate.answer(RATE * seconds * share, edges),
            stable=stable.answer(RATE * seconds * (1 - share), edges),
            highest_edge=EDGES - 1,
        )
        tries += found.candidate.tries
        judged = gate.assess(Evidence(parts=(replace(found, other_shares=True) if new else found,)), seen)
        seen = judged.seen
        if judged.verdict is Verdict.FAIL or (over and judged.verdict is Verdict.PASS) or tries >= MOST_TRIES:
            return LatencyEnd(verdict=judged.verdict, tries=tries)
    raise AssertionError("intervals do not end")


def share_above(limit_ms: float, factor: float) -> float:
    """Of the requests to a version that is so much slower than usual: those that take longer than the limit."""
    return 0.5 * erfc(log(limit_ms / (USUAL_MS * factor)) / (SPREAD * sqrt(2)))


def rival_caught(rival: Rival, scene: LatencyScene, limit_ms: float, attempts: int) -> list[int]:
    """The canary's tries until a rival rolled it back, in those attempts in which it did."""
    above = share_above(limit_ms, scene.candidate)
    ends = [replace(rival, least=0.99).run(Scene(rate=RATE, errors=above).trace(seed)) for seed in range(attempts)]
    return [end.tries for end in ends if end.end == ROLLED_BACK]


def latency_table(attempts: int, scenes: Sequence[LatencyScene], *, with_rivals: bool) -> None:
    """What each gate and each rival says of each scene."""
    limits = {"500 ms": DOCUMENTED_MS, f"{ALLOWED * P99_MS:.0f} ms": ALLOWED * P99_MS}
    rivals = [(rival, limit) for limit in limits for rival in RIVALS] if with_rivals else []
    columns = ("candidate", *GATES, *(f"{rival.name}, p99 at most {limit}" for rival, limit in rivals))
    print("\n5. Latency: rolled back, of all, and the candidate's tries until then, median / p95\n")
    print("| " + " | ".join(columns) + " |\n" + "| --- " * len(columns) + "|")
    for scene in scenes:
        ours = (_told_of_gate([gate_end(scene, gate, seed) for seed in range(attempts)]) for gate in GATES)
        theirs = (_told(rival_caught(rival, scene, limits[limit], attempts), attempts) for rival, limit in rivals)
        print(f"| {scene.name} | " + " | ".join((*ours, *theirs)) + " |", flush=True)


def _told_of_gate(ends: Sequence[LatencyEnd]) -> str:
    undecided = sum(end.verdict is Verdict.INCONCLUSIVE for end in ends)
    late = f"; {undecided} undecided after {MOST_TRIES:,}" if undecided else ""
    return _told([end.tries for end in ends if end.verdict is Verdict.FAIL], len(ends)) + late


def _told(caught: Sequence[int], attempts: int) -> str:
    tries = f": {median(caught):,.0f} / {p95(caught):,.0f}" if caught else ""
    return f"{len(caught)} of {attempts}{tries}"
