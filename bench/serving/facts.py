"""All figures of a run, for the file."""

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.gateway.spread import Spread
from bench.serving.rounds import ScenarioRounds
from bench.serving.scenarios import GOALS
from bench.serving.table import Results


def machine() -> Mapping[str, Any]:
    """What the figures were taken on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return {"processor": processor, "processors": os.cpu_count(), "python": platform.python_version()}


def facts(results: Results) -> Mapping[str, Any]:
    """Every run, and every goal's ratios."""
    goals = [
        {"figure": goal.figure, "against": goal.against, "goal": str(goal), "ratios": ratios, **_spread(ratios)}
        for goal in GOALS
        if goal.of.scenario in results and (ratios := _ratios(results[goal.of.scenario], goal)) is not None
    ]
    return {"goals": goals, "scenarios": {name: _taken(taken) for name, taken in results.items()}}


def _ratios(taken: ScenarioRounds, goal: Any) -> list[float]:
    return [round(ratio, 4) for ratio in taken.ratios(goal.of, goal.against)]


def _spread(ratios: list[float]) -> Mapping[str, float]:
    return asdict(Spread.of(ratios)) if ratios else {}


def _taken(taken: ScenarioRounds) -> Mapping[str, Any]:
    rounds = [{name: asdict(run) for name, run in one.items()} for one in taken.rounds]
    return {
        "meaning": taken.scenario.meaning,
        "settings": taken.settings,
        "rounds": rounds,
        "problems": taken.problems,
    }
