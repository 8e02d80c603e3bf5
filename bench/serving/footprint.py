"""Memory under load, and time to start. `make bench-footprint`, some five minutes.

PSS is a process's share of all memory that it touches: a page that three processes have counts a third for each.
Servers run one after the other and have files of their own: only the system's libraries are shared with others.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from bench.gateway.spread import Spread
from bench.serving.contestants import Running
from bench.serving.facts import machine
from bench.serving.models import TREES_MODEL, BenchModel, models
from bench.serving.places import BUILD
from bench.serving.process import START_SECONDS, BenchProcess, cores, session_of
from bench.serving.scenarios import NAIVE, SCENARIOS
from bench.serving.servers import OURS, SERVERS, Server, Settings, ask, free_port
from bench.serving.serving import prepare

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS", "4"))
LOAD = next(scenario for scenario in SCENARIOS if scenario.name == "c64")
ONE: Mapping[str, Settings] = {OURS: {}, NAIVE: {"threads": 1, "in-thread": 0, "workers": 1}}
MEMORY_GOALS = (
    ("ours over naive, one worker each", "ours", "naive", 1.25),
    ("two workers over one", "ours, 2", "ours", 1.3),
)
START_GOAL = 1.5
"""Seconds from the process's start to its first 200 at readiness."""


def pss(leader: int) -> float:
    """Return that of a session, in MiB."""
    total = 0
    for pid in session_of(leader):
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def memory(server: Server, model: BenchModel, settings: Settings) -> float:
    """Return it in MiB after a load of 64 connections."""
    running = Running.started(server, model, settings)
    try:
        run = running.measure(LOAD, SECONDS)
        if run.problems:
            raise RuntimeError(f"{server.name}: {'; '.join(run.problems)}")
        return pss(running.process.pid)
    finally:
        running.end()


def start(server: Server, model: BenchModel) -> float:
    """Return seconds until it is ready. Raises TimeoutError."""
    command = server.command(model, port := free_port(), {})
    began = time.monotonic()
    process = BenchProcess(command, cores()[0], BUILD / "logs" / "start.log", server.variables())
    try:
        while time.monotonic() < began + START_SECONDS:
            process.check()
            with suppress(OSError):
                ask(f"http://127.0.0.1:{port}/v2/health/ready")
                return time.monotonic() - began
            time.sleep(0.005)
        raise TimeoutError(f"not ready within {START_SECONDS} s; its log is {process.log}")
    finally:
        process.end()


def measured(model: BenchModel) -> Mapping[str, list[float]]:
    """All figures of all rounds, by what they are of."""
    servers = {server.name: server for server in SERVERS}
    found: dict[str, list[float]] = {name: [] for name in ("ours", "naive", "ours, 2", "start")}
    for number in range(1, ROUNDS + 1):
        found["ours"].append(memory(servers[OURS], model, ONE[OURS]))
        found["naive"].append(memory(servers[NAIVE], model, ONE[NAIVE]))
        found["ours, 2"].append(memory(servers[OURS], model, {"workers": 2}))
        found["start"].append(start(servers[OURS], model))
        told = ", ".join(f"{name} {values[-1]:.2f}" for name, values in found.items())
        print(f"round {number} of {ROUNDS}, MiB and seconds: {told}", flush=True)
    return found


def main() -> int:
    """Print the tables, write the file."""
    prepare([server for server in SERVERS if server.name in ONE])
    found = measured(models()[TREES_MODEL])
    print("\n| PSS after load | MiB |\n| --- | --- |")
    for name in ("ours", "ours, 2", "naive"):
        print(f"| {name} | {Spread.of(found[name])} |")
    print("\n| ratio | found | goal | |\n| --- | --- | --- | --- |")
    for name, above, below, most in MEMORY_GOALS:
        ratio = Spread.of(one / other for one, other in zip(found[above], found[below], strict=True))
        print(f"| {name} | {ratio} | at most {most:g} | {'met' if ratio.median <= most else 'NOT MET'} |")
    met = "met" if statistics.median(found["start"]) < START_GOAL else "NOT MET"
    print(f"| start to ready, s | {Spread.of(found['start'])} | under {START_GOAL:g} | {met} |")
    facts = {"machine": machine(), "seconds_of_load": SECONDS, "found": found}
    (BUILD / "footprint.json").write_text(json.dumps(facts, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
