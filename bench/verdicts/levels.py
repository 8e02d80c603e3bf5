# ruff: noqa: T201
"""The test of the gate `error-rate` alone, without a rollout: what it takes to decide, and how often it is wrong.

About two minutes. Seeds are fixed; one block is one analysis interval.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.random import Generator

from penstock_contracts.verdict import Verdict
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.error_rate import ErrorRateLimits, ErrorRateTest
from penstock_controller.analysis.margin import Margin

ALPHA = 0.0025
"""1 % over two gates and two stages."""
RUNS = 21
MARGINS, WEIGHTS = (0.005, 0.02, 0.05), (0.05, 0.25, 0.5)
Rates = tuple[float, float]
History = Callable[[Generator], Iterator[tuple[int, int, float]]]


def block(rng: Generator, candidate: int, stable: int, rates: Rates) -> Block:
    """One interval with these numbers of tries and true failure rates."""
    return Block(
        CountedTries(candidate, int(rng.binomial(candidate, rates[0]))),
        CountedTries(stable, int(rng.binomial(stable, rates[1]))),
    )


def _begun(margin: float, alpha: float) -> ErrorRateTest:
    """A test with one margin, absolute, for both answers."""
    return ErrorRateTest.begun(ErrorRateLimits(margin=Margin(margin), pass_margin=Margin(margin), alpha=alpha))


@dataclass(frozen=True)
class VerdictCase:
    """A candidate that deserves a verdict."""

    name: str
    wanted: Verdict
    rates: Rates
    """True failure rates of candidate and stable."""
    warm_up: int = 0
    """Blocks in which the candidate is still like stable."""

    def tries(self, margin: float, weight: float, limit: int = 30_000) -> str:
        """Median and worst number of its tries, in blocks of 20, until the verdict; `-`: not within the limit."""
        if self.wanted is Verdict.FAIL and self.rates[0] <= self.rates[1] + margin:
            return ""
        rng = np.random.default_rng(1)
        runs = sorted(self._once(rng, margin, weight, limit) for _ in range(RUNS))
        return " / ".join(f"{tries}" if tries < limit else "-" for tries in (runs[RUNS // 2], runs[-1]))

    def _once(self, rng: Generator, margin: float, weight: float, limit: int) -> int:
        candidate, stable = 20, round(20 / weight) - 20
        test = _begun(margin, ALPHA)
        for _ in range(self.warm_up):
            test = test.after(block(rng, candidate, stable, (self.rates[1], self.rates[1])))
        before = test.totals.candidate.tries
        while test.verdict(1) is not self.wanted and test.totals.candidate.tries - before < limit:
            test = test.after(block(rng, candidate, stable, self.rates))
        return test.totals.candidate.tries - before


CASES = (
    VerdictCase("pass, 0 / 0", Verdict.PASS, (0, 0)),
    VerdictCase("pass, 0.1 / 0.1", Verdict.PASS, (0.001, 0.001)),
    VerdictCase("pass, 1 / 1", Verdict.PASS, (0.01, 0.01)),
    VerdictCase("fail, 2 / 0.1", Verdict.FAIL, (0.02, 0.001)),
    VerdictCase("fail, 20 / 0.1", Verdict.FAIL, (0.2, 0.001)),
    VerdictCase("fail, 100 / 0.1", Verdict.FAIL, (1, 0.001)),
    VerdictCase("20 after 500 good blocks", Verdict.FAIL, (0.2, 0.001), warm_up=500),
    VerdictCase("100 after 500 good blocks", Verdict.FAIL, (1, 0.001), warm_up=500),
)


def power() -> None:
    """Tries of the candidate until the right verdict."""
    print("\nTries of the candidate until the verdict (failure rates of candidate / stable in %), median / worst\n")
    print("| margin | weight | " + " | ".join(case.name for case in CASES) + " |")
    print("| --- " * (2 + len(CASES)) + "|")
    for margin, weight in product(MARGINS, WEIGHTS):
        cells = " | ".join(case.tries(margin, weight) for case in CASES)
        print(f"| {margin:.1%} | {weight:.0%} | {cells} |", flush=True)


def steady(rng: Generator) -> Iterator[tuple[int, int, float]]:  # noqa: ARG001
    """Nothing changes."""
    while True:
        yield 50, 950, 0.01


def outages(rng: Generator) -> Iterator[tuple[int, int, float]]:
    """A block in ten is an outage of both."""
    while True:
        yield 50, 950, 0.6 if not rng.integers(10) else 0.002


def tiny(rng: Generator) -> Iterator[tuple[int, int, float]]:
    """A handful of tries in each block."""
    while True:
        yield int(rng.integers(0, 3)), int(rng.integers(0, 6)), 0.1


def drift(rng: Generator) -> Iterator[tuple[int, int, float]]:  # noqa: ARG001
    """Rates climb while the weight goes 5, 25, 50 %."""
    for look in range(1000):
        share = (0.05, 0.25, 0.5)[min(look // 20, 2)]
        yield round(400 * share), round(400 * (1 - share)), min(0.4, 0.001 * 1.1**look)


def error_levels(runs: int = 400, looks: int = 60) -> None:
    """How often a run on the border says fail, and pass, at any look."""
    print(f"\nWrong answers of {runs} runs with {looks} looks each, the candidate worse by exactly the margin\n")
    print("| history | margin | said fail (5 % allowed) | said pass (5 % allowed) |\n| --- | --- | --- | --- |")
    histories: tuple[History, ...] = (steady, outages, tiny, drift)
    for history, margin in product(histories, (0.0, 0.02)):
        said = [_said(history, margin, looks, seed) for seed in range(runs)]
        shares = (sum(verdict in run for run in said) / runs for verdict in (Verdict.FAIL, Verdict.PASS))
        print(
            f"| {history.__name__} | {margin:.1%} | " + " | ".join(f"{share:.2%}" for share in shares) + " |",
            flush=True,
        )


def _said(history: History, margin: float, looks: int, seed: int) -> set[Verdict]:
    rng, test, said = np.random.default_rng(seed), _begun(margin, 0.05), set[Verdict]()
    for _, (candidate, stable, rate) in zip(range(looks), history(rng), strict=False):
        test = test.after(block(rng, candidate, stable, (rate + margin, rate)))
        said.add(test.verdict(0))
    return said


def passes_that_end(runs: int = 21) -> None:
    """After 300 blocks of 50 / 950 tries with 0.1 % failures the candidate gets worse, or does not."""
    print("\nTries of the candidate until a pass is withdrawn, and until fail, median / worst (30,000: not at all)\n")
    print("| margin | candidate becomes | withdrawn | fail |\n| --- | --- | --- | --- |")
    for margin, rate in ((0.005, 0.001), (0.005, 0.01), (0.005, 0.02), (0.02, 0.05), (0.05, 0.2)):
        ends = [_end_of_pass(margin, rate, seed) for seed in range(runs)]
        cells = [sorted(column) for column in zip(*ends, strict=True)]
        told = " | ".join(f"{tries[runs // 2]} / {tries[-1]}" for tries in cells)
        print(f"| {margin:.1%} | {rate:.1%} | {told} |", flush=True)


def _end_of_pass(margin: float, rate: float, seed: int) -> tuple[int, int]:
    rng, test, withdrawn, limit = np.random.default_rng(seed), _begun(margin, ALPHA), 0, 30_000
    for _ in range(300):
        test = test.after(block(rng, 50, 950, (0.001, 0.001)))
    for tries in range(50, limit, 50):
        test = test.after(block(rng, 50, 950, (rate, 0.001)))
        verdict = test.verdict(0)
        withdrawn = withdrawn or (tries if verdict is not Verdict.PASS else 0)
        if verdict is Verdict.FAIL:
            return withdrawn, tries
    return withdrawn or limit, limit


def tables() -> None:
    """All of them."""
    power()
    error_levels()
    passes_that_end()
