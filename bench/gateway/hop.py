# ruff: noqa: INP001, T201
"""What the gateway costs a request, and how soon a new weight holds. `make bench-gateway`, under four minutes.

No cluster: the real Envoy and the agent's own process on loopback, in front of fast servers in this process. Requests
leave at their times, whatever became of the ones before, and are timed from when they were due. The ways take turns in
every round, each round from another way on.
"""

import asyncio
import gc
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.gateway.spread import Spread, milliseconds
from bench.gateway.stand import ATTEMPT, BODY, MIRRORED, PLAIN, RATE, REST, STRAIGHT, Stand
from bench.gateway.weight_changes import change_weights, told_of_changes
from penstock_testing.platform import ROOT
from penstock_testing.traffic_result import TrafficResult

ROUNDS = int(os.environ.get("ROUNDS", "7"))
SECONDS = float(os.environ.get("SECONDS", "3"))
"""Of each way in each round."""
MEANING = {
    STRAIGHT: "straight to the server",
    PLAIN: "plain Envoy: one listener, one cluster, the router",
    REST: "gateway at rest, one revision",
    ATTEMPT: "gateway in an attempt at 50 %",
    MIRRORED: "gateway in an attempt, 100 % mirrored",
}


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One way in one round."""

    result: TrafficResult
    at_candidate: int
    """Requests and copies that reached the candidate's server."""

    @property
    def p50(self) -> float:
        """Milliseconds from when a request was due."""
        return milliseconds(self.result.from_scheduled.p50)

    @property
    def p99(self) -> float:
        """Milliseconds from when a request was due."""
        return milliseconds(self.result.from_scheduled.p99)

    def facts(self) -> Mapping[str, Any]:
        """For the file. From `sent`: without the driver's own lateness."""
        result = self.result
        return {
            "from_due_seconds": asdict(result.from_scheduled),
            "from_sent_seconds": asdict(result.from_sent),
            "driver_late_p99_seconds": round(result.lateness_p99, 6),
            "requests": result.sent,
            "failed": result.failed_by_reason,
            "at_candidate": self.at_candidate,
        }


Round = Mapping[str, Timed]


async def timed(stand: Stand, way: str, seconds: float) -> Timed:
    """Ask one way for so many seconds. The servers are in this event loop: the driver is waited for in a thread."""
    stand.forget()

    def driven() -> TrafficResult:
        with stand.traffic(way, seconds) as run:
            return run.wait()

    result = await asyncio.to_thread(driven)
    return Timed(result=result, at_candidate=stand.forget())


async def hop(stand: Stand) -> Sequence[Round]:
    """All rounds; what comes before them opens Envoy's connections and is not counted."""
    ways = tuple(MEANING)
    for way in ways:
        await timed(stand, way, 1.0)
    rounds: list[Round] = []
    for number in range(ROUNDS):
        first = number % len(ways)
        taken = {way: await timed(stand, way, SECONDS) for way in (*ways[first:], *ways[:first])}
        rounds.append(taken)
        told = ", ".join(f"{way} {taken[way].p50:.2f}/{taken[way].p99:.2f}" for way in ways)
        print(f"round {number + 1} of {ROUNDS}, p50/p99 in ms: {told}", flush=True)
    return rounds


def told_of_hop(rounds: Sequence[Round]) -> Mapping[str, Any]:
    """Print the table; return its figures."""
    figures: Mapping[str, Callable[[Timed], float]] = {"p50": lambda one: one.p50, "p99": lambda one: one.p99}
    facts: dict[str, Any] = {}
    print(
        f"\n{RATE:.0f} requests a second, {len(rounds)} rounds of {SECONDS:g} s: median (least to most), milliseconds"
    )
    print("Added: over `straight` in the same round. Times plain: median added over that of the plain Envoy.\n")
    print("| way | p50 | p99 | added p50 | added p99 | times plain p50 | p99 |\n" + "| --- " * 7 + "|")
    added = {
        (way, name): Spread.of(figure(taken[way]) - figure(taken[STRAIGHT]) for taken in rounds)
        for way in MEANING
        for name, figure in figures.items()
    }
    for way, meaning in MEANING.items():
        whole = {name: Spread.of(figure(taken[way]) for taken in rounds) for name, figure in figures.items()}
        times = {name: _times(added[way, name], added[PLAIN, name]) for name in figures}
        over = ["-"] * 4 if way == STRAIGHT else [*(added[way, name] for name in figures), *times.values()]
        print(f"| {meaning} | " + " | ".join(map(str, [*whole.values(), *over])) + " |")
        facts[way] = {
            "milliseconds": {name: asdict(one) for name, one in whole.items()},
            "added": {name: asdict(added[way, name]) for name in figures},
            "times_plain": times,
            "rounds": [taken[way].facts() for taken in rounds],
        }
    shares = {way: _share_at_candidate(rounds, way) for way in (ATTEMPT, MIRRORED)}
    print("\nrequests or copies that reached the candidate: " + ", ".join(f"{way} {shares[way]:.1%}" for way in shares))
    return facts


def _share_at_candidate(rounds: Sequence[Round], way: str) -> float:
    return sum(taken[way].at_candidate for taken in rounds) / sum(taken[way].result.sent for taken in rounds)


def _times(added: Spread, plain: Spread) -> float | None:
    return round(added.median / plain.median, 2) if plain.median > 0 else None


def doubts_of(rounds: Sequence[Round], changed: TrafficResult) -> Sequence[str]:
    """Return why this run should not be believed; empty: nothing speaks against it."""
    runs = {f"round {number}, {way}": one.result for number, each in enumerate(rounds, 1) for way, one in each.items()}
    runs["changes"] = changed
    failed = [
        f"{where}: {run.failed} of {run.sent} requests failed, {dict(run.failed_by_reason)}"
        for where, run in runs.items()
        if run.failed
    ]
    return [*failed, *(f"{where}: {doubt}" for where, run in runs.items() for doubt in run.invalid)]


async def measured() -> int:
    """Run everything; 1 when the figures should not be believed."""
    load = os.getloadavg()[0]
    print(
        f"{os.cpu_count()} processors, {load:.1f} processes that want one: near 0 is needed for figures that mean much"
    )
    async with AsyncExitStack() as stack:
        stand = await Stand.started(Path(stack.enter_context(tempfile.TemporaryDirectory())), stack)
        gc.freeze()  # the servers are in this process: a long collection would be their answer's time
        rounds = await hop(stand)
        changes, result = await change_weights(stand)
    facts = {
        "rate": RATE,
        "body_bytes": len(BODY),
        "seconds": SECONDS,
        "processors": os.cpu_count(),
        "load_at_start": round(load, 2),
        "hop": told_of_hop(rounds),
        "changes": told_of_changes(changes, result),
        "doubts": doubts_of(rounds, result),
    }
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "bench-gateway.json").write_text(json.dumps(facts, indent=1) + "\n")
    for doubt in doubts_of(rounds, result):
        print(f"DOUBT: {doubt}")
    return 1 if doubts_of(rounds, result) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(measured()))
