"""The plots: what a bad version costs, what is rolled back for nothing, and how soon a good version is promoted."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl

from bench.verdicts.cells import CONSTANT, ERRORS, HARMS, RATES, SAME, WORSE, VerdictCell
from bench.verdicts.figures import GOOD_ENDS, bound_of, is_rolled_back, p95
from bench.verdicts.results import OURS, RIVAL_NAMES, DrawnEnds, Ends

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

COLOURS = dict(zip((OURS, *RIVAL_NAMES), ("#0b7a75", "#c46210", "#e5a96b", "#4a5fa5", "#9fb0df"), strict=True))
_ALLOWED = 0.01
"""Above it a share of false rollbacks is wrong: what the product states."""


def plot(results: DrawnEnds, attempts: int, folder: Path) -> list[Path]:
    """Write them as PNG, of the cells that were drawn. Answers their files."""
    folder.mkdir(parents=True, exist_ok=True)

    def known(cells: Sequence[VerdictCell]) -> list[VerdictCell]:
        return [cell for cell in cells if results.ends(cell, OURS, attempts)]

    drawings: dict[str, Callable[[], None]] = {}
    if worse := known(WORSE):
        drawings["worse"] = lambda: _worse(results, worse, attempts)
    if same := known(SAME):
        drawings["same"] = lambda: _same(results, same, attempts)
    if constant := known(CONSTANT):
        drawings["good"] = lambda: _good(results, constant, attempts)
    files = []
    for name, draw in drawings.items():
        draw()
        files.append(folder / f"{name}.png")
        plt.savefig(files[-1], dpi=120)
        plt.close()
    return files


def _worse(results: DrawnEnds, cells: Sequence[VerdictCell], attempts: int) -> None:
    """Tries until a bad version is rolled back: median, and a line up to the 95 % quantile."""
    errors = sorted({cell.scene.errors for cell in cells})
    drawn, axes = plt.subplots(1, len(errors), figsize=(6 * len(errors), 4.5), squeeze=False, layout="constrained")
    for axis, base in zip(axes.flat, errors, strict=True):
        rows = [cell for cell in cells if cell.scene.errors == base]
        axis.plot(
            [_points(cell) for cell in rows], [bound_of(cell.scene) for cell in rows], "k--", label="Wald's bound"
        )
        for number, who in enumerate((OURS, *RIVAL_NAMES)):
            _tries(axis, [(cell, results.ends(cell, who, attempts)) for cell in rows], who, shift=1 + 0.04 * number)
        axis.set(xscale="log", yscale="log", title=f"base {100 * base:g} %, 200 requests/s")
        axis.set(xlabel="harm in percentage points", ylabel="tries of the candidate")
        axis.set_xticks([100 * harm for harm in HARMS], [f"+{100 * harm:g}" for harm in HARMS])
        axis.legend(fontsize=7)
    drawn.suptitle(
        "Until a bad version is rolled back: median, line to the 95 % quantile; missing: fewer than half were"
    )


def _points(cell: VerdictCell) -> float:
    return 100 * cell.scene.harm


def _tries(axis: Axes, rows: Sequence[tuple[VerdictCell, Ends]], who: str, *, shift: float) -> None:
    """`shift`: lines of several would lie upon each other."""
    places, medians, tops = [], [], []
    for cell, ends in rows:
        caught = [end.tries for end in ends if is_rolled_back(end)]
        if 2 * len(caught) >= len(ends) > 0:
            places.append(shift * _points(cell))
            medians.append(median(caught))
            tops.append(p95(caught))
    if places:
        axis.vlines(places, medians, tops, color=COLOURS[who])
        axis.plot(places, medians, "o-", color=COLOURS[who], label=who, markersize=4)


def _same(results: DrawnEnds, cells: Sequence[VerdictCell], attempts: int) -> None:
    """The share that is rolled back for nothing, a row for each cell."""
    drawn, axis = plt.subplots(figsize=(10, 1.5 + 0.2 * len(cells)), layout="constrained")
    names = [cell.name for cell in reversed(cells)]
    for who in reversed((OURS, *RIVAL_NAMES)):
        shares = []
        for cell in reversed(cells):
            ends = results.ends(cell, who, attempts)
            shares.append(100 * sum(map(is_rolled_back, ends)) / len(ends) if ends else float("nan"))
        axis.plot(shares, names, "o", color=COLOURS[who], label=who, markersize=7 if who == OURS else 4)
    axis.axvline(100 * _ALLOWED, color="k", linestyle="--", linewidth=1)
    axis.set_xscale("symlog", linthresh=1)
    axis.set(xlabel="rolled back, % of attempts with the same version twice", ylim=(-1, len(names)), xlim=(-0.1, 110))
    axis.set_xticks([0, 0.5, 1, 10, 100], ["0", "0.5", "1", "10", "100"])
    axis.tick_params(axis="y", labelsize=7)
    axis.grid(axis="y", linewidth=0.3)
    axis.legend(fontsize=7)
    drawn.suptitle("Rolled back for nothing; dashed: 1 %")


def _good(results: DrawnEnds, cells: Sequence[VerdictCell], attempts: int) -> None:
    """Share that is promoted, and the median time, by rate and errors."""
    drawn, (shares, times) = plt.subplots(1, 2, figsize=(12, 4.5), layout="constrained")
    for errors in ERRORS:
        rows = [cell for cell in cells if cell.scene.errors == errors]
        found = [(cell.scene.rate, results.ends(cell, OURS, attempts)) for cell in rows]
        promoted = [(rate, [end.seconds for end in ends if end.end in GOOD_ENDS], len(ends)) for rate, ends in found]
        label = f"errors {100 * errors:g} %"
        shares.plot(
            [rate for rate, _, _ in promoted], [100 * len(some) / of for _, some, of in promoted], "o-", label=label
        )
        timed = [(rate, median(some)) for rate, some, _ in promoted if some]
        times.plot([rate for rate, _ in timed], [seconds for _, seconds in timed], "o-", label=label)
    times.axhline(300, color=COLOURS[RIVAL_NAMES[0]], linestyle="--", label="Flagger, documented")
    times.axhline(2400, color=COLOURS[RIVAL_NAMES[2]], linestyle="--", label="Argo, documented")
    times.set(yscale="log", ylabel="seconds, median")
    shares.set(ylabel="% promoted", ylim=(-3, 103))
    for axis in (shares, times):
        axis.set(xscale="log", xlabel="requests per second")
        axis.set_xticks(RATES, [f"{rate:,}" for rate in RATES])
        axis.legend(fontsize=7)
    drawn.suptitle("A good version on the defaults")
