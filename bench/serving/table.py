"""The tables that people read."""

from collections.abc import Mapping, Sequence

from bench.gateway.spread import Spread
from bench.serving.rounds import ScenarioRounds
from bench.serving.scenarios import FIGURES, GOALS, RAW, Goal, MeasuredFigure
from bench.serving.servers import OURS, SERVERS, settings_text

Results = Mapping[str, ScenarioRounds]
"""By scenario."""
NAMES = (*(server.name for server in SERVERS), RAW)


def figures_table(results: Results) -> str:
    """Medians of every contestant, with least and most."""
    lines = ["| figure | " + " | ".join(NAMES) + " |", "| --- " * (1 + len(NAMES)) + "|"]
    for figure in FIGURES:
        if taken := results.get(figure.scenario):
            cells = " | ".join(_cell(taken, figure, name) for name in NAMES)
            lines.append(f"| {figure.name}, {figure.unit} | {cells} |")
    return "\n".join(lines)


def _cell(taken: ScenarioRounds, figure: MeasuredFigure, name: str) -> str:
    if not (values := taken.values(figure, name)):
        return "-"
    digits = 0 if figure.unit == "1/s" else 3
    spread = Spread.of(values)
    least, most = (f"{one:,.{digits}f}" for one in (spread.least, spread.most))
    return f"{spread.median:,.{digits}f} ({least} to {most})"


def goals_table(results: Results) -> str:
    """Ours over theirs: median of the rounds' ratios, with least and most."""
    lines = ["| ours over theirs | against | ratio | goal | |", "| --- " * 5 + "|"]
    lines += [_goal(results[goal.of.scenario], goal) for goal in GOALS if goal.of.scenario in results]
    return "\n".join(lines)


def _goal(taken: ScenarioRounds, goal: Goal) -> str:
    ratios = taken.ratios(goal.of, goal.against)
    told, met = ("not measured", "NOT MET")
    if ratios:
        spread = Spread.of(ratios)
        told, met = str(spread), "met" if goal.met(spread.median) else "NOT MET"
    return f"| {goal.figure} | {_against(taken, goal)} | {told} | {goal} | {met} |"


def _against(taken: ScenarioRounds, goal: Goal) -> str:
    """Return the name; of the best peer also who it was."""
    peers = {name: values for name in NAMES if name not in (OURS, RAW) and (values := taken.values(goal.of, name))}
    if goal.against != "best peer" or not peers:
        return goal.against
    return f"best peer, {goal.of.best({name: Spread.of(values).median for name, values in peers.items()})}"


def settings_table(results: Results) -> str:
    """Who ran with what."""
    lines = ["| server | " + " | ".join(results) + " |", "| --- " * (1 + len(results)) + "|"]
    for name in NAMES[:-1]:
        cells = " | ".join(
            settings_text(taken.settings[name]) if name in taken.settings else "-" for taken in results.values()
        )
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines)


def problems(results: Results) -> Sequence[str]:
    """Return all of them."""
    return [problem for taken in results.values() for problem in taken.problems]
