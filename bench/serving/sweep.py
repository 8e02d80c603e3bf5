"""Which of its settings is best for each peer, in each scenario. `make bench-sweep`, some twelve minutes.

Writes what it measured to sweep/<peer>.json and the choice to peers/settings.json: both are committed. ONLY=mosec,naive
sweeps these peers; SECONDS=2 is the time of each run.
"""

import json
import math
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from bench.serving.chosen import ALL, choose
from bench.serving.contestants import Running
from bench.serving.facts import machine
from bench.serving.measured import Measured
from bench.serving.models import models
from bench.serving.places import HERE
from bench.serving.scenarios import SCENARIOS, Scenario, score
from bench.serving.servers import OURS, Server, Settings, settings_text
from bench.serving.serving import prepare, wanted

SECONDS, TRIES = int(os.environ.get("SECONDS", "2")), 2
"""Of each run; the better one counts: whatever disturbs one shall not decide."""
Found = list[tuple[Settings, Mapping[str, Measured]]]
"""Each setting with its runs by scenario."""


def sweep(server: Server) -> Found:
    """Try all of its settings in all scenarios."""
    found: Found = []
    for settings in server.grid:
        runs = {scenario.name: run for scenario, run in _runs(server, settings)}
        told = ", ".join(f"{name} {run.per_second:,.0f}/s {run.p50:.2f}/{run.p99:.2f}" for name, run in runs.items())
        print(f"{server.name} with {settings_text(settings)}: {told}", flush=True)
        found.append((settings, runs))
    return found


def _runs(server: Server, settings: Settings) -> Iterator[tuple[Scenario, Measured]]:
    for name, model in models().items():
        running = Running.started(server, model, settings)
        try:
            for scenario in SCENARIOS:
                if scenario.model == name:
                    tries = [running.measure(scenario, SECONDS) for _ in range(TRIES)]
                    yield scenario, max(tries, key=lambda run: (not run.problems, score(scenario.name, run)))
        finally:
            running.end()


def best(found: Found, scenario: str) -> Settings:
    """Return the setting whose run was best; a run with problems is none. Raises RuntimeError without any."""
    good = [(score(scenario, runs[scenario]), settings) for settings, runs in found if not runs[scenario].problems]
    if not good:
        raise RuntimeError(f"{scenario}: no setting answered without errors: {[runs[scenario] for _, runs in found]}")
    return max(good, key=lambda one: one[0])[1]


def best_of_all(found: Found) -> Settings:
    """Return the setting that loses least over all scenarios: by the product of its shares of each scenario's best."""
    names = [scenario.name for scenario in SCENARIOS]
    most = {name: max(score(name, runs[name]) for _, runs in found) for name in names}
    good = [each for each in found if not any(run.problems for run in each[1].values())] or found
    return max(good, key=lambda each: math.prod(score(name, each[1][name]) / most[name] for name in names))[0]


def written(server: Server, found: Found) -> None:
    """Write both files."""
    choose(
        server.name, {scenario.name: best(found, scenario.name) for scenario in SCENARIOS} | {ALL: best_of_all(found)}
    )
    tried = [
        {"settings": settings, "scenarios": {name: _figures(run) for name, run in runs.items()}}
        for settings, runs in found
    ]
    file = HERE / "sweep" / f"{server.name}.json"
    file.write_text(json.dumps({"machine": machine(), "seconds": SECONDS, "tried": tried}, indent=1) + "\n")


def _figures(run: Measured) -> Mapping[str, Any]:
    figures = {"per_second": run.per_second, "p50_ms": run.p50, "p99_ms": run.p99}
    return {**{name: round(value, 3) for name, value in figures.items()}, "problems": run.problems}


def main() -> int:
    """Sweep all peers that are wanted."""
    _, servers = wanted()
    prepare(servers)
    for server in servers:
        if server.name != OURS:
            written(server, sweep(server))
    return 0


if __name__ == "__main__":
    sys.exit(main())
