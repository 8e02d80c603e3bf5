"""The plot: one panel a figure, a bar for each contestant."""

from pathlib import Path

import matplotlib as mpl

from bench.gateway.spread import Spread
from bench.serving.rounds import ScenarioRounds
from bench.serving.scenarios import FIGURES, RAW, MeasuredFigure
from bench.serving.servers import OURS
from bench.serving.table import NAMES, Results

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

COLUMNS = 4
COLOURS = {OURS: "#0b7a75", RAW: "#c9c9c9"}
OTHER = "#7b8794"


def plot(results: Results, file: Path) -> None:
    """Write it as PNG."""
    figures = [figure for figure in FIGURES if figure.scenario in results]
    rows = -(-len(figures) // COLUMNS)
    drawn, axes = plt.subplots(rows, COLUMNS, figsize=(4 * COLUMNS, 3.2 * rows), squeeze=False, layout="constrained")
    for axis in axes.flat[len(figures) :]:
        axis.set_visible(False)
    for axis, figure in zip(axes.flat, figures, strict=False):
        _panel(axis, results[figure.scenario], figure)
    drawn.suptitle("One server core; bars and dots: median of the rounds, lines: least to most")
    drawn.savefig(file, dpi=120)
    plt.close(drawn)


def _panel(axis: Axes, taken: ScenarioRounds, figure: MeasuredFigure) -> None:
    values = {name: found for name in NAMES if (found := taken.values(figure, name))}
    if figure.unit != "1/s" or figure.scenario != "cnn":
        values.pop(RAW, None)  # a loop without a server would flatten all other bars
    names = list(reversed(values))
    spreads = [Spread.of(values[name]) for name in names]
    medians = [spread.median for spread in spreads]
    around = [
        [spread.median - spread.least for spread in spreads],
        [spread.most - spread.median for spread in spreads],
    ]
    colours = [COLOURS.get(name, OTHER) for name in names]
    if figure.unit == "ms":  # a bar has no beginning on a scale of powers
        axis.set_xscale("log")
        axis.hlines(names, [spread.least for spread in spreads], [spread.most for spread in spreads], colours)
        axis.scatter(medians, names, color=colours, zorder=2)
        axis.xaxis.set_minor_formatter(NullFormatter())
    else:
        axis.barh(names, medians, xerr=around, color=colours)
    axis.set_yticks(range(len(names)), [_label(name, values[name], figure) for name in names])
    better = "more" if figure.more_is_better else "less"
    axis.set_title(f"{figure.name}, {figure.unit} ({better} is better)", fontsize=9)


def _label(name: str, values: list[float], figure: MeasuredFigure) -> str:
    return f"{name} {Spread.of(values).median:,.{0 if figure.unit == '1/s' else 2}f}"
