"""Our predictor and its peers, side by side on one core. `make bench-serving`, under twenty minutes.

ROUNDS=5 SECONDS=4 ONLY=c64,ours,mosec: fewer rounds, shorter ones, only these scenarios and servers. SETTINGS=one: each
peer with one setting for all scenarios.
"""

import json
import os
import sys
from collections.abc import Sequence

from bench.serving.environments import peer_environment
from bench.serving.facts import facts, machine
from bench.serving.load import vegeta, wrk
from bench.serving.models import models
from bench.serving.places import BUILD
from bench.serving.plot import plot
from bench.serving.process import cores
from bench.serving.rounds import take
from bench.serving.scenarios import SCENARIOS, Scenario
from bench.serving.servers import OURS, SERVERS, Server
from bench.serving.table import figures_table, goals_table, problems, settings_table

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS", "4"))
"""Of each contestant in each round."""


def wanted() -> tuple[Sequence[Scenario], Sequence[Server]]:
    """Return the scenarios and servers that ONLY names; of a kind that it does not name, all. Exits with 2."""
    only = set(filter(None, os.environ.get("ONLY", "").replace(",", " ").split()))
    known = {one.name for one in (*SCENARIOS, *SERVERS)}
    if unknown := only - known:
        print(f"ONLY names {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}", file=sys.stderr)
        sys.exit(2)
    scenarios = [one for one in SCENARIOS if one.name in only]
    servers = [one for one in SERVERS if one.name in only]
    return scenarios or SCENARIOS, servers or SERVERS


def prepare(servers: Sequence[Server]) -> tuple[int, int]:
    """Install everything before anything is measured; keep this process off the server's core."""
    server_core, load_core = cores()
    wrk()
    vegeta()
    models()
    for server in servers:
        if server.name != OURS:
            peer_environment(server.name)
    os.sched_setaffinity(0, {load_core})
    return server_core, load_core


def main() -> int:
    """Run everything; 1 where a figure is missing or a run did not count."""
    scenarios, servers = wanted()
    server_core, load_core = prepare(servers)
    load = os.getloadavg()[0]
    print(
        f"servers on core {server_core}, load on core {load_core}; {load:.1f} processes wanted a core: near 0 is needed"
    )
    results = {one.name: take(one, servers, models()[one.model], ROUNDS, SECONDS) for one in scenarios}
    print(f"\n{ROUNDS} rounds of {SECONDS} s: median (least to most)\n\n{figures_table(results)}")
    print(f"\n{goals_table(results)}\n\n{settings_table(results)}\n")
    for problem in problems(results):
        print(f"PROBLEM: {problem.splitlines()[0]}")
    BUILD.mkdir(parents=True, exist_ok=True)
    about = {"machine": machine(), "load_at_start": round(load, 2), "seconds": SECONDS, "rounds": ROUNDS}
    (BUILD / "figures.json").write_text(json.dumps({**about, **facts(results)}, indent=1) + "\n")
    plot(results, BUILD / "figures.png")
    print(f"plot and all figures: {BUILD}/figures.png, figures.json")
    return 1 if problems(results) else 0


if __name__ == "__main__":
    sys.exit(main())
