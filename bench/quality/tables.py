# ruff: noqa: T201
"""How many labelled requests tell two versions apart, and how often the interval is wrong.

`.venv/bin/python -m bench.quality.tables`: about two minutes on an idle machine; FULL=1 runs 2,000 attempts without a
difference, some ten minutes. Scores are binormal: positives N(d, 1), negatives N(0, 1), whose area under the ROC curve
is Phi(d / sqrt 2). Two versions see the same row, so their scores are correlated. Results are also in
build/bench-quality.json.
"""

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist, median

import numpy as np
import numpy.typing as npt
from numpy.random import Generator, default_rng

from penstock_drift_monitor.quality.betting import interval
from penstock_drift_monitor.quality.own_negatives import Group, groups, wins

FULL = os.environ.get("FULL") == "1"
ATTEMPTS = 2000 if FULL else 200
"""Without a difference."""
STREAMS = 20 if FULL else 5
"""For each kind of candidate."""
AREA, WORSE_BY, MARGIN = 0.9, 0.05, 0.02
POSITIVES = 0.1
"""Share of the requests."""
CORRELATION = 0.8
ROWS = 20_000
"""Of an attempt without a difference."""
LONGEST = 400_000
RESULTS = Path("build/bench-quality.json")
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LabelledStream:
    """Requests that both versions answered, in the order of their labels."""

    pairs: list[Group]
    truth: npt.NDArray[np.bool_]
    stable: Floats
    candidate: Floats

    def complete_at(self) -> npt.NDArray[np.int64]:
        """For each pair the number of labels after which it is there."""
        return np.array([max(pair.positive, *pair.negatives) + 1 for pair in self.pairs], np.int64)


def separation(area: float) -> float:
    """How far the positives' mean lies from the negatives', for this area under the curve."""
    return math.sqrt(2) * NormalDist().inv_cdf(area)


def stream(draw: Generator, rows: int, *, worse_by: float) -> LabelledStream:
    """Draw so many labelled requests. `worse_by`: how much smaller the candidate's area is."""
    truth = draw.random(rows) < POSITIVES
    shared = draw.normal(size=rows) * math.sqrt(CORRELATION)
    own = [shared + draw.normal(size=rows) * math.sqrt(1 - CORRELATION) for _ in range(2)]
    stable, candidate = (
        noise + truth * separation(area) for noise, area in zip(own, (AREA, AREA - worse_by), strict=True)
    )
    return LabelledStream(pairs=groups(truth.tolist()), truth=truth, stable=stable, candidate=candidate)


def looks(first: int, last: int, factor: float) -> Iterator[int]:
    """Numbers of labels at which one looks."""
    number = float(first)
    while number < last:
        yield int(number)
        number *= factor
    yield last


def paired_interval(differences: Floats, alpha: float = 0.05) -> tuple[float, float]:
    """For the candidate's area minus stable's, both versions on the same rows."""
    return interval(differences, bound=1.0, alpha=alpha)


def split_interval(stable: Floats, candidate: Floats, alpha: float = 0.05) -> tuple[float, float]:
    """For the same where each row was answered by one of them: each area has half of alpha."""
    ends = [interval(2 * side - 1, bound=1.0, alpha=alpha / 2) for side in (stable, candidate)]
    (stable_low, stable_high), (low, high) = (tuple((end + 1) / 2 for end in each) for each in ends)
    return low - stable_high, high - stable_low


def decided_after(draw: Generator, *, worse_by: float, paired: bool) -> int | None:
    """Labelled requests until the interval lies on one side of minus the margin; None: not within LONGEST."""
    if paired:
        both = stream(draw, LONGEST, worse_by=worse_by)
        differences = wins(both.pairs, both.candidate) - wins(both.pairs, both.stable)
        complete = both.complete_at()
        for rows in looks(500, LONGEST, 1.1):
            low, high = paired_interval(differences[: np.searchsorted(complete, rows, side="right")])
            if low > -MARGIN or high < -MARGIN:
                return rows
        return None
    sides = [stream(draw, LONGEST // 2, worse_by=worse_by) for _ in range(2)]
    values = (wins(sides[0].pairs, sides[0].stable), wins(sides[1].pairs, sides[1].candidate))
    complete_of = [side.complete_at() for side in sides]
    for rows in looks(500, LONGEST, 1.1):
        seen = [
            value[: np.searchsorted(complete, rows // 2, side="right")]
            for value, complete in zip(values, complete_of, strict=True)
        ]
        low, high = split_interval(seen[0], seen[1])
        if low > -MARGIN or high < -MARGIN:
            return rows
    return None


def wrong_attempts() -> dict[str, int]:
    """Of attempts with an equal candidate, those in which an interval ever excluded the truth, by figure."""
    wrong = {"roc_auc": 0, "brier": 0}
    for attempt in range(ATTEMPTS):
        draw = default_rng([7, attempt])
        both = stream(draw, ROWS, worse_by=0.0)
        areas = wins(both.pairs, both.candidate) - wins(both.pairs, both.stable)
        complete = both.complete_at()
        chances = [1 / (1 + np.exp(-side)) for side in (both.stable, both.candidate)]
        losses = (chances[1] - both.truth) ** 2 - (chances[0] - both.truth) ** 2
        over: set[str] = set()
        for rows in looks(200, ROWS, 1.8):
            for figure, values in (
                ("roc_auc", areas[: np.searchsorted(complete, rows, side="right")]),
                ("brier", losses[:rows]),
            ):
                low, high = interval(values, bound=1.0)
                if not low <= 0.0 <= high:
                    over.add(figure)
        for figure in over:
            wrong[figure] += 1
    return wrong


@dataclass(frozen=True, kw_only=True)
class Needed:
    """Labelled requests until a decision."""

    candidate: str
    design: str
    least: int | None
    median: float | None
    most: int | None
    undecided: int


def needed(candidate: str, worse_by: float, *, paired: bool) -> Needed:
    """Over STREAMS streams."""
    found = [decided_after(default_rng([11, number]), worse_by=worse_by, paired=paired) for number in range(STREAMS)]
    known = [rows for rows in found if rows is not None]
    return Needed(
        candidate=candidate,
        design="paired" if paired else "split",
        least=min(known, default=None),
        median=median(known) if known else None,
        most=max(known, default=None),
        undecided=len(found) - len(known),
    )


def main() -> None:
    """Print both tables."""
    begun = time.monotonic()
    print(f"area {AREA}, margin {MARGIN}, {POSITIVES:.0%} positives, scores of one row correlated by {CORRELATION}")
    print("labelled requests until the interval (95 %) for the difference of the areas excludes the margin")
    print(f"{'candidate':<24}{'design':<10}{'least':>10}{'median':>10}{'most':>10}{'undecided':>11}")
    rows = [
        needed(name, worse_by, paired=paired)
        for name, worse_by in ((f"worse by {WORSE_BY}", WORSE_BY), ("equal", 0.0))
        for paired in (True, False)
    ]
    for row in rows:
        print(
            f"{row.candidate:<24}{row.design:<10}{row.least or '-':>10}{row.median or '-':>10}{row.most or '-':>10}"
            f"{row.undecided:>8} of {STREAMS}"
        )
    wrong = wrong_attempts()
    print(
        f"\nequal candidates: attempts of {ATTEMPTS} in which the interval (95 %) ever excluded 0, {ROWS} labels each"
    )
    for figure, count in wrong.items():
        print(f"{figure:<10}{count:>6}  {count / ATTEMPTS:.2%}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(
        json.dumps({"needed": [asdict(row) for row in rows], "wrong": wrong, "attempts": ATTEMPTS}, indent=1) + "\n"
    )
    print(f"\n{time.monotonic() - begun:.0f} s; {RESULTS}")


if __name__ == "__main__":
    main()
