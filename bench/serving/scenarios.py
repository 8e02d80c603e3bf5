"""What is measured, and which figures of it count."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.serving.measured import Measured
from bench.serving.models import CNN_MODEL, TREES_MODEL

NAIVE, RAW, BEST_PEER = "naive", "raw", "best peer"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One kind of load."""

    name: str
    meaning: str
    model: str = TREES_MODEL
    rows: int = 1
    connections: int = 0
    """Of the closed loop; 0: the loop is open."""
    rate: int = 0
    """Requests a second of the open loop."""
    bodies: int = 64
    """Different ones, in turns."""


SCENARIOS = (
    Scenario(name="c64", meaning="64 connections, one row", connections=64),
    Scenario(name="c8", meaning="8 connections, one row", connections=8),
    Scenario(name="c1", meaning="one connection, one row", connections=1),
    Scenario(name="open", meaning="1,000 requests a second, one row", rate=1000),
    Scenario(name="rows32", meaning="64 connections, 32 rows a request", rows=32, connections=64),
    Scenario(name="cnn", meaning="8 connections, one image of 600 kB", model=CNN_MODEL, connections=8, bodies=4),
)


@dataclass(frozen=True, kw_only=True)
class MeasuredFigure:
    """One number of a run."""

    name: str
    scenario: str
    unit: str
    of: Callable[[Measured], float]
    more_is_better: bool

    def best(self, values: Mapping[str, float]) -> str:
        """Return whose is the best."""
        return (max if self.more_is_better else min)(values, key=lambda name: values[name])


def _rate(scenario: str, name: str) -> MeasuredFigure:
    return MeasuredFigure(name=name, scenario=scenario, unit="1/s", of=lambda run: run.per_second, more_is_better=True)


FIGURES = (
    _rate("c64", "64 connections"),
    _rate("c8", "8 connections"),
    MeasuredFigure(name="1 connection, p50", scenario="c1", unit="ms", of=lambda run: run.p50, more_is_better=False),
    MeasuredFigure(
        name="1,000 a second, p50", scenario="open", unit="ms", of=lambda run: run.p50, more_is_better=False
    ),
    MeasuredFigure(
        name="1,000 a second, p99", scenario="open", unit="ms", of=lambda run: run.p99, more_is_better=False
    ),
    _rate("rows32", "32 rows a request"),
    _rate("cnn", "small CNN"),
)


def score(scenario: str, run: Measured) -> float:
    """Return how good a run is; more is better. Where a scenario has two figures, both count alike."""
    figures = [figure for figure in FIGURES if figure.scenario == scenario]
    return math.prod(figure.of(run) ** (1 if figure.more_is_better else -1) for figure in figures)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What our predictor's figure over somebody's shall be."""

    figure: str
    against: str
    bound: float
    """The least where more is better, otherwise the most."""

    @property
    def of(self) -> MeasuredFigure:
        """The figure."""
        return next(figure for figure in FIGURES if figure.name == self.figure)

    def met(self, ratio: float) -> bool:
        """Whether this ratio is good enough."""
        return ratio >= self.bound if self.of.more_is_better else ratio <= self.bound

    def __str__(self) -> str:
        return f"at {'least' if self.of.more_is_better else 'most'} {self.bound:g}"


GOALS = (
    Goal(figure="64 connections", against=BEST_PEER, bound=2.0),
    Goal(figure="64 connections", against=NAIVE, bound=15),
    Goal(figure="8 connections", against=BEST_PEER, bound=3),
    Goal(figure="1 connection, p50", against=BEST_PEER, bound=0.65),
    Goal(figure="1,000 a second, p50", against=BEST_PEER, bound=0.75),
    Goal(figure="1,000 a second, p99", against=BEST_PEER, bound=0.8),
    Goal(figure="32 rows a request", against=BEST_PEER, bound=1.8),
    Goal(figure="small CNN", against=BEST_PEER, bound=1.3),
    Goal(figure="small CNN", against=RAW, bound=0.85),
)
