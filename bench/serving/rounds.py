"""Rounds of one scenario: every contestant once in each, each round from another one on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.serving.answers import wrong_answers
from bench.serving.chosen import settings_for
from bench.serving.contestants import Ceiling, Contestant, Running
from bench.serving.measured import Measured
from bench.serving.models import BenchModel
from bench.serving.scenarios import BEST_PEER, RAW, MeasuredFigure, Scenario
from bench.serving.servers import OURS, Server, Settings

WARM_UP_SECONDS = 1
Round = Mapping[str, Measured]
"""By contestant; a run that does not count is not in it."""


@dataclass(kw_only=True)
class ScenarioRounds:
    """What one scenario gave."""

    scenario: Scenario
    settings: dict[str, Settings] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Servers that are missing and runs that do not count."""

    def ratios(self, figure: MeasuredFigure, against: str) -> list[float]:
        """Return ours over theirs, one for each round that has both."""
        both = ((_value(one, figure, OURS), _value(one, figure, against)) for one in self.rounds)
        return [ours / theirs for ours, theirs in both if ours is not None and theirs]

    def values(self, figure: MeasuredFigure, name: str) -> list[float]:
        """Return a contestant's figure of every round that has it."""
        return [figure.of(one[name]) for one in self.rounds if name in one]


def _value(one: Round, figure: MeasuredFigure, name: str) -> float | None:
    if name == BEST_PEER:
        peers = {peer: figure.of(run) for peer, run in one.items() if peer not in (OURS, RAW)}
        return peers[figure.best(peers)] if peers else None
    return figure.of(one[name]) if name in one else None


def take(scenario: Scenario, servers: Sequence[Server], model: BenchModel, rounds: int, seconds: int) -> ScenarioRounds:
    """Start everyone, compare their answers, run all rounds, end everyone."""
    taken = ScenarioRounds(scenario=scenario)
    with _running(taken, servers, model) as contestants:
        for one in contestants:
            one.measure(scenario, WARM_UP_SECONDS)
        for number in range(rounds):
            first = number % max(len(contestants), 1)
            found = {
                one.name: _measured(taken, one, number + 1, seconds)
                for one in (*contestants[first:], *contestants[:first])
            }
            taken.rounds.append({name: run for name, run in found.items() if not run.problems})
            told = ", ".join(f"{one.name} {_told(found[one.name])}" for one in contestants)
            print(f"{scenario.name}, round {number + 1} of {rounds}: {told}", flush=True)
    return taken


@contextmanager
def _running(taken: ScenarioRounds, servers: Sequence[Server], model: BenchModel) -> Iterator[list[Contestant]]:
    contestants: list[Contestant] = [Ceiling(model=model)]
    try:
        for server in servers:
            settings = settings_for(server.name, taken.scenario.name)
            taken.settings[server.name] = settings
            try:
                contestants.append(running := Running.started(server, model, settings))
            except RuntimeError as error:
                _complain(taken, f"{server.name} takes no part: {error}")
                continue
            if wrong := wrong_answers(running, taken.scenario.rows):
                _complain(taken, f"{server.name} takes no part, it answers wrongly: {wrong}")
                contestants.remove(running)
                running.end()
        yield contestants
    finally:
        for one in contestants:
            one.end()


def _measured(taken: ScenarioRounds, one: Contestant, number: int, seconds: int) -> Measured:
    run = one.measure(taken.scenario, seconds)
    if run.problems:
        _complain(taken, f"{one.name}, round {number}, does not count: {'; '.join(run.problems[:5])}")
    return run


def _complain(taken: ScenarioRounds, problem: str) -> None:
    taken.problems.append(f"{taken.scenario.name}: {problem}")
    print(f"PROBLEM: {taken.problems[-1]}", flush=True)


def _told(run: Measured) -> str:
    return f"{run.per_second:,.0f}/s {run.p50:.2f}/{run.p99:.2f} ms" + (" (does not count)" if run.problems else "")
