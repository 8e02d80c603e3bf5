"""How often the gate is wrong when it looks after each block, by simulation with fixed seeds.

On the border (the candidate is worse by exactly the margin) `fail` and `pass` are both wrong. bench/verdicts does the
same with more runs and looks; test_belief computes the expectation behind it exactly.
"""

from collections.abc import Callable, Iterator
from itertools import count
from math import sqrt

import numpy as np
import pytest
from numpy.random import Generator

from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.error_rate import FALSE_PROMOTION, ErrorRateLimits, ErrorRateTest
from penstock_controller.analysis.margin import Margin

History = Callable[[Generator, float], Iterator[tuple[int, int, float]]]
"""Tries of the candidate, tries of stable and stable's failure rate, block after block."""

ALPHA = 0.05
"""Larger than in use, so that a hundred runs can show an excess."""
RUNS, LOOKS = 100, 20


def steady(rng: Generator, margin: float) -> Iterator[tuple[int, int, float]]:
    while True:
        yield 50, 950, 0.01


def tiny_arms(rng: Generator, margin: float) -> Iterator[tuple[int, int, float]]:
    while True:
        yield int(rng.integers(0, 3)), int(rng.integers(0, 6)), 0.1


def shared_outages(rng: Generator, margin: float) -> Iterator[tuple[int, int, float]]:
    while True:
        yield 50, 150, 0.6 if rng.random() < 0.15 else 0.002


def drift_and_steps(rng: Generator, margin: float) -> Iterator[tuple[int, int, float]]:
    """Rates climb while the weight goes 5, 25, 50 %: pooled counts would blame the candidate."""
    for look in count():
        share = (0.05, 0.25, 0.5)[min(look // 7, 2)]
        yield round(400 * share), round(400 * (1 - share)), min(0.4, 0.001 * 1.3**look)


def ever(history: History, margin: float, seed: int) -> tuple[float, float]:
    """Shares of runs in which a look said fail, and in which one said pass."""
    rng = np.random.default_rng(seed)
    said = [_verdicts(history, margin, rng) for _ in range(RUNS)]
    return sum(Verdict.FAIL in run for run in said) / RUNS, sum(Verdict.PASS in run for run in said) / RUNS


def _verdicts(history: History, margin: float, rng: Generator) -> set[Verdict]:
    both = Margin(margin)
    limits = ErrorRateLimits(margin=both, pass_margin=both, alpha=ALPHA)
    test, verdicts = ErrorRateTest.begun(limits), set()
    for _, (candidate, stable, rate) in zip(range(LOOKS), history(rng, margin), strict=False):
        failed = int(rng.binomial(candidate, rate + margin)), int(rng.binomial(stable, rate))
        test = test.after(Block(CountedTries(candidate, failed[0]), CountedTries(stable, failed[1])))
        verdicts.add(test.verdict(0))
    return verdicts


def at_most(level: float) -> float:
    """With three standard deviations of the simulation."""
    return level + 3 * sqrt(level * (1 - level) / RUNS)


@pytest.mark.parametrize(
    ("history", "margin"),
    [
        pytest.param(steady, 0.005, id="nothing changes"),
        pytest.param(tiny_arms, 0.1, id="a handful of tries in each block"),
        pytest.param(shared_outages, 0.0, id="outages hit both, no margin"),
        pytest.param(shared_outages, 0.1, id="outages hit both"),
        pytest.param(drift_and_steps, 0.0, id="rates climb while weights grow, no margin"),
        pytest.param(drift_and_steps, 0.005, id="rates climb while weights grow"),
    ],
)
def test_on_the_border_neither_answer_is_likelier_than_its_level_when(history: History, margin: float) -> None:
    failed, passed = ever(history, margin, seed=7)
    assert failed <= at_most(ALPHA)
    assert passed <= at_most(FALSE_PROMOTION)
