# ruff: noqa: T201
"""False rollbacks, good versions promoted, and tries until a bad one is found, beside Flagger's and Argo's rules.

`.venv/bin/python -m bench.verdicts.tables [same] [good] [worse] [levels] [latency] [plots]`; README.md says how to read
it. In the environment: ATTEMPTS of each cell; ONLY cells whose name has one of these parts, with commas between;
RIVALS=0 leaves the rivals out; WORKERS.
"""

import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.verdicts import levels
from bench.verdicts.attempts import AttemptEnd
from bench.verdicts.bounds import upper_bound
from bench.verdicts.cells import CONSTANT, LEAKS, SAME, WORSE, WORSE_WITH_A_SICK_POD, VerdictCell
from bench.verdicts.figures import GOOD_ENDS, bound_of, is_rolled_back, p95
from bench.verdicts.latencies import SCENES, latency_table
from bench.verdicts.plot import plot
from bench.verdicts.results import OURS, RIVAL_NAMES, DrawnEnds, Ends

ATTEMPTS = int(os.environ.get("ATTEMPTS") or 200)
ONLY = [word for word in (os.environ.get("ONLY") or "").split(",") if word]
WORKERS = min(2, int(os.environ.get("WORKERS") or 2))
PLOTS = Path("build/bench-verdicts")
WITH_RIVALS = os.environ.get("RIVALS") != "0"
DOCUMENTED = tuple(name for name in RIVAL_NAMES if name.endswith("documented"))


def chosen(cells: Sequence[VerdictCell]) -> list[VerdictCell]:
    """Those that ONLY names."""
    return [cell for cell in cells if not ONLY or any(word in cell.name for word in ONLY)]


def drawn(cells: Sequence[VerdictCell], rivals: Sequence[str]) -> DrawnEnds:
    """All that a table of these cells needs."""
    results = DrawnEnds()
    results.load()
    wanted = [(cell, who) for cell in cells for who in (OURS, *rivals)]
    for told in results.draw(wanted, ATTEMPTS, WORKERS):
        print(told, file=sys.stderr, flush=True)
    return results


def _header(title: str, columns: Sequence[str]) -> None:
    print(f"\n{title}\n\n| " + " | ".join(columns) + " |\n" + "| --- " * len(columns) + "|")


def same() -> None:
    """The same version twice."""
    cells, rivals = chosen(SAME), RIVAL_NAMES if WITH_RIVALS else ()
    results = drawn(cells, rivals)
    columns = ("traffic", "rolled back, of", "share", "at most (95 %)", "in the bake", "not promoted", *rivals)
    _header("1. The same version twice: rolled back for nothing, with the bake. Allowed: 1 %", columns)
    for cell in cells:
        ends = results.ends(cell, OURS, ATTEMPTS)
        ended = Counter(end.end for end in ends)
        failed, runs = sum(map(is_rolled_back, ends)), len(ends)
        late = {end: ended[end] for end in (AttemptEnd.DEADLINE_SAMPLES, AttemptEnd.DEADLINE_VERDICT) if ended[end]}
        row = (
            cell.name,
            f"{failed} of {runs}",
            share(failed, runs),
            share(upper_bound(failed, runs), 1),
            str(ended[AttemptEnd.FAILED_IN_BAKE]),
            "; ".join(f"{end.value}: {share(number, runs)}" for end, number in late.items()) or "0",
            *(rolled_back(results.ends(cell, rival, ATTEMPTS)) for rival in rivals),
        )
        print("| " + " | ".join(row) + " |", flush=True)


def good() -> None:
    """A good version on the defaults."""
    cells, rivals = chosen(CONSTANT), DOCUMENTED if WITH_RIVALS else ()
    results = drawn(cells, rivals)
    columns = ("traffic", "promoted", "seconds, median / p95", "tries, median", "why not", *rivals)
    _header("2. A good version on the defaults: promoted, and how soon. Wanted: 95 %", columns)
    for cell in cells:
        ends = results.ends(cell, OURS, ATTEMPTS)
        promoted = [end for end in ends if end.end in GOOD_ENDS]
        why = Counter(end.end for end in ends if end.end not in GOOD_ENDS)
        row = (
            cell.name,
            share(len(promoted), len(ends)),
            quantiles([end.seconds for end in promoted]),
            f"{median(end.tries for end in promoted):,.0f}" if promoted else "-",
            "; ".join(f"{end}: {share(number, len(ends))}" for end, number in why.items()) or "-",
            *(promotions(results.ends(cell, rival, ATTEMPTS)) for rival in rivals),
        )
        print("| " + " | ".join(row) + " |", flush=True)


def worse() -> None:
    """A bad version, from its first request on, or more and more."""
    cells, rivals = chosen((*WORSE, *LEAKS, *WORSE_WITH_A_SICK_POD)), RIVAL_NAMES if WITH_RIVALS else ()
    results = drawn(cells, rivals)
    columns = ("traffic", "Wald", "Penstock", "times Wald", "seconds, median", "failed tries, median", *rivals)
    _header(
        "3. A bad version: tries of it until it is rolled back, median / p95 of all, and how many were caught", columns
    )
    for cell in cells:
        ends, scene = results.ends(cell, OURS, ATTEMPTS), cell.scene
        bound = bound_of(scene) if scene.harm else 0.0
        caught = [end for end in ends if is_rolled_back(end)]
        row = (
            cell.name,
            f"{bound:,.3g}" if bound else "-",
            tries_until(ends),
            f"{median(end.tries for end in caught) / bound:.1f}" if bound and caught else "-",
            f"{median(end.seconds for end in caught):.0f}" if caught else "-",
            f"{median(end.failures for end in caught):.0f}" if caught else "-",
            *(tries_until(results.ends(cell, rival, ATTEMPTS)) for rival in rivals),
        )
        print("| " + " | ".join(row) + " |", flush=True)


def latency() -> None:
    """Versions that are slower, and that are not."""
    scenes = [scene for scene in SCENES if not ONLY or any(word in scene.name for word in ONLY)]
    latency_table(ATTEMPTS, scenes, with_rivals=WITH_RIVALS)


def share(part: float, whole: float) -> str:
    """In per cent."""
    return f"{100 * part / whole:.3g} %" if whole else "-"


def rolled_back(ends: Ends) -> str:
    """The share that a rival rolled back."""
    return share(sum(map(is_rolled_back, ends)), len(ends))


def promotions(ends: Ends) -> str:
    """The share that a rival promoted, and its median time."""
    seconds = [end.seconds for end in ends if end.end in GOOD_ENDS]
    return share(len(seconds), len(ends)) + (f", {median(seconds):.0f} s" if seconds else "")


def quantiles(values: Sequence[float]) -> str:
    """Median and 95 % quantile."""
    return f"{median(values):,.0f} / {p95(values):,.0f}" if values else "-"


def tries_until(ends: Ends) -> str:
    """Median and 95 % quantile of the tries of those that were caught, with their share where it is not all."""
    caught = [end.tries for end in ends if is_rolled_back(end)]
    if not caught:
        return "never"
    part = "" if len(caught) == len(ends) else f", {share(len(caught), len(ends))} caught"
    return quantiles(caught) + part


def plots() -> None:
    """Of all that was drawn for the tables."""
    results = DrawnEnds()
    results.load()
    for file in plot(results, ATTEMPTS, PLOTS):
        print(file)


TABLES = {"same": same, "good": good, "worse": worse, "levels": levels.tables, "latency": latency, "plots": plots}


def main(*names: str) -> int:
    """Print the tables of these names, or all."""
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        print(f"no table is called {', '.join(unknown)}: there are {', '.join(TABLES)}", file=sys.stderr)
        return 2
    for name in names or TABLES:
        TABLES[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
