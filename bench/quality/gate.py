# ruff: noqa: T201
"""What the gate `live-quality` decides, how soon, and how often it is wrong: the product's own code on drawn labels.

`.venv/bin/python -m bench.quality.gate`: 200 attempts a cell, some minutes; FULL=1 runs 4,000 of those with an equal
candidate. Scores are those of `tables.py`. Results are also in build/bench-quality-gate.json.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator, default_rng

from bench.quality.tables import separation
from penstock_contracts.api.analysis import LiveQualityGate
from penstock_contracts.quality import QualityMetric
from penstock_contracts.verdict import Verdict
from penstock_controller.gates.evidence import Evidence, LabelledPairs
from penstock_controller.gates.gate import GateMemory
from penstock_controller.gates.live_quality import LabelledQuality, tolerated_ratio
from penstock_drift_monitor.quality.paired_evidence import Comparison, PairedEvidence, RowPrediction

FULL = os.environ.get("FULL") == "1"
ATTEMPTS = 200
LOOK = 100
"""Labelled requests between two looks."""
ALPHA = 0.0025
"""Beside error-rate: half of what is left for the trial."""
AREA = 0.9
RESULTS = Path("build/bench-quality-gate.json")
Row = tuple[str, float, float]
"""A label, the candidate's prediction and stable's."""
Draw = Callable[[Generator, int], list[Row]]


def ranked(worse_by: float, *, positives: float, correlation: float) -> Draw:
    """Two scores for each row; the candidate's area under the ROC curve is smaller by so much."""

    def draw(generator: Generator, rows: int) -> list[Row]:
        truth = generator.random(rows) < positives
        shared = generator.normal(size=rows) * np.sqrt(correlation)
        own = [shared + generator.normal(size=rows) * np.sqrt(1 - correlation) for _ in range(2)]
        candidate, stable = (
            noise + truth * separation(area) for noise, area in zip(own, (AREA - worse_by, AREA), strict=True)
        )
        return [
            (str(int(label)), float(ours), float(theirs))
            for label, ours, theirs in zip(truth, candidate, stable, strict=True)
        ]

    return draw


def erring(ratio: float) -> Draw:
    """Predictions of numbers; the candidate's errors are so many times stable's, which share most of theirs."""

    def draw(generator: Generator, rows: int) -> list[Row]:
        truth, shared = generator.normal(size=(2, rows))
        noise = [0.9 * shared + 0.44 * generator.normal(size=rows) for _ in range(2)]
        return [
            (repr(float(label)), float(label + ratio * ours), float(label + theirs))
            for label, ours, theirs in zip(10 * truth, *noise, strict=True)
        ]

    return draw


@dataclass(frozen=True, kw_only=True)
class GateCell:
    """Attempts of one kind."""

    name: str
    metric: QualityMetric
    draw: Draw
    longest: int = 60_000
    attempts: int = ATTEMPTS


@dataclass(frozen=True, kw_only=True)
class GateRunEnd:
    """What became of a cell's attempts."""

    name: str
    attempts: int
    verdicts: dict[str, int]
    median: float | None
    """Labelled requests until a verdict."""
    p95: float | None


def attempt(cell: GateCell, seed: int) -> tuple[Verdict, int]:
    """One attempt until the gate decides, or the cell's longest; the verdict and how many labels that took."""
    entry = LiveQualityGate(name="live-quality", metric=cell.metric)
    gate, by = LabelledQuality.of(entry, ALPHA), Comparison(metric=cell.metric, tolerated=tolerated_ratio(entry))
    generator, seen, found = default_rng([5, seed]), GateMemory(), PairedEvidence()
    for rows in range(LOOK, cell.longest + 1, LOOK):
        for label, candidate, stable in cell.draw(generator, LOOK):
            found.add(by, label, RowPrediction(candidate, None), RowPrediction(stable, None))
        judged = gate.judge(Evidence(parts=(evidence_of(found, cell.metric, rows),)), seen)
        seen = judged.seen
        if judged.verdict in {Verdict.PASS, Verdict.FAIL}:
            return judged.verdict, rows
    return Verdict.INCONCLUSIVE, cell.longest


def evidence_of(found: PairedEvidence, metric: QualityMetric, rows: int) -> LabelledPairs:
    """As the controller gets it: every request has its label."""
    candidate, stable = found.values(metric) or (None, None)
    return LabelledPairs(
        since="begun",
        pairs=rows,
        labelled=rows,
        unusable=found.unusable,
        unscaled=found.unscaled,
        compared=found.compared,
        candidate_value=candidate,
        stable_value=stable,
        shortfalls=tuple(found.shortfalls),
        older_pairs=rows // 2,
        older_labelled=rows // 2,
    )


def outcome(cell: GateCell) -> GateRunEnd:
    """All attempts of a cell."""
    ends = [attempt(cell, seed) for seed in range(cell.attempts)]
    decided = [rows for verdict, rows in ends if verdict is not Verdict.INCONCLUSIVE]
    return GateRunEnd(
        name=cell.name,
        attempts=cell.attempts,
        verdicts=dict(Counter(verdict.value for verdict, _ in ends)),
        median=float(np.median(decided)) if decided else None,
        p95=float(np.percentile(decided, 95)) if decided else None,
    )


def cells() -> list[GateCell]:
    """Candidates that are worse, equal, and just as much worse as is tolerated."""
    found = []
    for positives, equal in ((0.2, 4000 if FULL else ATTEMPTS), (0.025, ATTEMPTS)):
        for worse_by, longest in ((0.1, 60_000), (0.05, 100_000), (0.0, 100_000), (0.02, 20_000)):
            found.append(
                GateCell(
                    name=f"roc_auc, {positives:.1%} positives, lower by {worse_by}",
                    metric=QualityMetric.ROC_AUC,
                    draw=ranked(worse_by, positives=positives, correlation=0.9),
                    longest=longest,
                    attempts=ATTEMPTS if worse_by else equal,
                )
            )
    for metric in (QualityMetric.MAE, QualityMetric.RMSE):
        for ratio in (1.2, 1.1, 1.0, 1.05):
            name = f"{metric.value}, {ratio - 1:.0%} above stable's"
            found.append(GateCell(name=name, metric=metric, draw=erring(ratio), longest=20_000))
    return found


def main() -> None:
    """Print the table, cell by cell."""
    begun = time.monotonic()
    print(f"a look every {LOOK} labelled requests; fail at {ALPHA:.2%}, pass at 5 %; default margins")
    print(f"{'candidate':<46}{'pass':>7}{'fail':>7}{'none':>7}{'median':>9}{'p95':>9}")
    outcomes = []
    for cell in cells():
        found = outcome(cell)
        outcomes.append(found)
        counts = [
            found.verdicts.get(verdict.value, 0) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE)
        ]
        told = [f"{number:.0f}" if number else "-" for number in (found.median, found.p95)]
        print(f"{found.name:<46}{counts[0]:>7}{counts[1]:>7}{counts[2]:>7}{told[0]:>9}{told[1]:>9}", flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(each) for each in outcomes], indent=1) + "\n")
    print(f"\n{time.monotonic() - begun:.0f} s; {RESULTS}")


if __name__ == "__main__":
    main()
