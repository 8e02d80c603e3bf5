"""One worker with two threads, or two workers? Ours alone, on both cores, which it shares with the load.

`make bench-cores`, some four minutes.
What a server does with a second core is no comparison with others: these are the choices that its own settings offer.
"""

import os
from collections.abc import Sequence

from bench.gateway.spread import Spread
from bench.serving.contestants import Running
from bench.serving.models import models
from bench.serving.scenarios import SCENARIOS, Scenario
from bench.serving.servers import OURS, SERVERS, Settings, settings_text
from bench.serving.serving import prepare

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS", "3"))
CHOICES: Sequence[Settings] = (
    {"workers": 1, "threads": 1},
    {"workers": 1, "threads": 2},
    {"workers": 2, "threads": 1},
)
WANTED = ("c64", "rows32", "cnn")


def measure(scenario: Scenario) -> dict[str, list[float]]:
    """Return requests a second by choice, one for each round, each round from another choice on."""
    [server] = [one for one in SERVERS if one.name == OURS]
    found: dict[str, list[float]] = {settings_text(choice): [] for choice in CHOICES}
    for number in range(ROUNDS):
        first = number % len(CHOICES)
        for choice in (*CHOICES[first:], *CHOICES[:first]):
            running = Running.started(server, models()[scenario.model], choice, everywhere=True)
            try:
                running.measure(scenario, 1)
                run = running.measure(scenario, SECONDS)
            finally:
                running.end()
            if run.problems:
                raise RuntimeError(f"{scenario.name}, {settings_text(choice)}: {'; '.join(run.problems)}")
            found[settings_text(choice)].append(run.per_second)
    return found


def main() -> None:
    """Print a line for each scenario and choice."""
    prepare(())
    for scenario in (one for one in SCENARIOS if one.name in WANTED):
        for choice, rates in measure(scenario).items():
            print(f"{scenario.meaning}; {choice}: {Spread.of(rates)} requests a second", flush=True)


if __name__ == "__main__":
    main()
