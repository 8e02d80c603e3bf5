# ruff: noqa: T201
"""What looking features up adds to a request, and what it takes: in the predictor, or in a container beside it.

`make bench-features`, about four minutes: real Feast servers with SQLite and with Redis, on loopback. Requests leave at
their times, whatever became of those before, and are timed from when they were due. The ways take turns in each round.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.features.stand import BESIDE, NONE, REDIS_WAY, SQLITE_WAY, WAYS, WHOLE, FeatureStand
from bench.gateway.spread import Spread, milliseconds
from penstock_testing.platform import ROOT

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "5"))
RATE = float(os.environ.get("RATE", "200"))
MEANING = {
    NONE: "whole rows, no feature store",
    WHOLE: "whole rows, with a feature store",
    SQLITE_WAY: "five features looked up, SQLite, in the predictor",
    REDIS_WAY: "the same, Redis, in the predictor",
    BESIDE: "the same, Redis, in a container beside it",
}


_COLUMNS = (
    *("way", "p50 ms", "p99 ms", "added p50", "added p99"),
    *("CPU, us a request", "memory, MiB", "rows a call", "defaults", "failed"),
)


@dataclass(frozen=True, kw_only=True)
class TimedWay:
    """One way in one round."""

    p50: float
    p99: float
    cpu: float
    """Microseconds of processor time a request, of the predictor and of what stands beside it, not of Feast."""
    failed: int
    defaulted: float
    """Values for which a default stood in."""
    rows_a_call: float
    """Rows that one call looked up, on average."""


def timed(stand: FeatureStand, way: str, seconds: float) -> TimedWay:
    """Ask one way for so many seconds."""
    before = sum(process.cpu_seconds() for process in stand.processes[way])
    seen = _counts(stand, way)
    with stand.traffic(way, seconds) as run:
        result = run.wait()
    if result.from_scheduled.p50 is None:
        raise RuntimeError(f"{way}: no request was answered: {result.describe()}")
    taken = sum(process.cpu_seconds() for process in stand.processes[way]) - before
    defaulted, calls = (now - then for now, then in zip(_counts(stand, way), seen, strict=True))
    return TimedWay(
        p50=milliseconds(result.from_scheduled.p50),
        p99=milliseconds(result.from_scheduled.p99),
        cpu=round(1e6 * taken / result.sent, 1),
        failed=result.failed,
        defaulted=defaulted,
        rows_a_call=round(result.sent / calls, 2) if calls else 0.0,
    )


def _counts(stand: FeatureStand, way: str) -> tuple[float, float]:
    if way == BESIDE:
        return 0.0, 0.0  # it has no metrics
    names = ("penstock_predictor_features_defaulted_total{", "penstock_predictor_feature_calls_total{")
    defaulted, calls = (stand.scraped(way, name) for name in names)
    return defaulted, calls


def measure(stand: FeatureStand) -> Sequence[dict[str, TimedWay]]:
    """All rounds; what comes before them opens connections and is not counted."""
    for way in WAYS:
        timed(stand, way, 1.0)
    rounds = []
    for number in range(ROUNDS):
        first = number % len(WAYS)
        taken = {way: timed(stand, way, SECONDS) for way in (*WAYS[first:], *WAYS[:first])}
        rounds.append(taken)
        told = ", ".join(f"{way} {taken[way].p50:.2f}/{taken[way].p99:.2f}" for way in WAYS)
        print(f"round {number + 1} of {ROUNDS}, p50/p99 in ms: {told}", flush=True)
    return rounds


def tell(rounds: Sequence[dict[str, TimedWay]], memory: dict[str, float]) -> None:
    """Print the table."""
    print(f"\n{RATE:.0f} requests a second, {len(rounds)} rounds of {SECONDS:g} s: median (least to most)\n")
    print("| " + " | ".join(_COLUMNS) + " |\n" + "| --- " * len(_COLUMNS) + "|")
    for way, meaning in MEANING.items():
        own = [taken[way] for taken in rounds]
        over = [(taken[way].p50 - taken[NONE].p50, taken[way].p99 - taken[NONE].p99) for taken in rounds]
        cells: list[object] = [Spread.of(one.p50 for one in own), Spread.of(one.p99 for one in own)]
        cells += ["-", "-"] if way == NONE else [Spread.of(one[0] for one in over), Spread.of(one[1] for one in over)]
        cells += [f"{Spread.of(one.cpu for one in own).median:.0f}", f"{memory[way]:.0f}"]
        cells += [f"{Spread.of(one.rows_a_call for one in own).median:.2f}", f"{sum(one.defaulted for one in own):.0f}"]
        print(f"| {meaning} | " + " | ".join(map(str, [*cells, sum(one.failed for one in own)])) + " |")


def main() -> None:
    """Run it."""
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as folder, FeatureStand(Path(folder), RATE) as stand:
        rounds = measure(stand)
        memory = {way: sum(process.resident_mib() for process in stand.processes[way]) for way in WAYS}
    tell(rounds, memory)
    file = ROOT / "build" / "bench-features.json"
    file.parent.mkdir(exist_ok=True)
    facts = [{way: asdict(one) for way, one in taken.items()} for taken in rounds]
    file.write_text(json.dumps({"rate": RATE, "memory_mib": memory, "rounds": facts}, indent=2))
    print(f"\nwritten: {file.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
