# ruff: noqa: T201
"""What gates cost: processor time of one evaluation, bytes of status, writes of an attempt. `make bench-evaluation`.

Times hold for the machine and the run only: compare the columns of one run, of which one is a ratio.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from bench.evaluation.driven_attempt import NEW, begun, run, size
from bench.evaluation.gate_sets import SETS, GateSet, found
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_controller.rollout.engine import advance
from penstock_testing.rollout_scenes import has, until
from penstock_testing.rollout_world import RolloutWorld

GATEWAY_PODS = tuple(map(int, os.environ.get("GATEWAY_PODS", "2 20 80").split()))
SEEDS = int(os.environ.get("SEEDS", "3"))
RATES = tuple(map(float, os.environ.get("RATES", "50 200 1000").split()))
_ROUNDS, _CALLS = 7, 30
_REQUESTS = 60_000
"""Between two passes: enough that each gateway pod meets each bucket of latency."""


@dataclass(frozen=True, kw_only=True)
class _Cost:
    without: float
    """Microseconds of a pass that reads no counters."""
    reading: float
    """And of one that does, and has all gates judge."""
    stored: float
    """Of taking the status from JSON and back into it."""
    bytes: int

    @property
    def evaluation(self) -> float:
        return self.reading - self.without


def microseconds(call: Callable[[], object]) -> float:
    """Processor time of a call: the best of some rounds."""
    best = float("inf")
    gc.disable()
    for _ in range(_ROUNDS):
        begin = time.process_time_ns()
        for _ in range(_CALLS):
            call()
        best = min(best, (time.process_time_ns() - begin) / _CALLS / 1000)
    gc.enable()
    return best


def begun_with(gates: GateSet, gateway_pods: int, seed: int, *, failing: float = 0.0) -> RolloutWorld:
    """A resource with these gates, whose version 2 is wanted."""
    world = begun(gates.spec, gateway_pods, seed, failing=failing)
    world.measured = found(lambda: _answered_by_both(world))
    return world


def _answered_by_both(world: RolloutWorld) -> int:
    """Half of what the new version was tried for is enough for any test."""
    counters = world.counters.values()
    tries = (count for one in counters for (_, revision, _), count in one.tries.items() if revision == NEW)
    return sum(tries) // 2


def under_way(gates: GateSet, gateway_pods: int) -> RolloutWorld:
    """In the last step, some minutes after the attempt began."""
    world = begun_with(gates, gateway_pods, seed=0)
    world.requests = _REQUESTS // gateway_pods
    until(world, has(50), seconds=5)
    for _ in range(3):
        world.tick(10)
    return world


def cost(gates: GateSet, gateway_pods: int) -> _Cost:
    """What passes cost at one moment of an attempt."""
    world = under_way(gates, gateway_pods)
    world.let_time_pass(10)
    due = world.observe()
    if not due.evidence:
        raise RuntimeError("the counters are not due at this moment")
    idle = replace(due, evidence=None)
    document = world.status.model_dump(mode="json", exclude_none=True)
    return _Cost(
        without=microseconds(lambda: advance(world.spec, world.status, idle)),
        reading=microseconds(lambda: advance(world.spec, world.status, due)),
        stored=microseconds(
            lambda: ModelDeploymentStatus.model_validate(document).model_dump(mode="json", exclude_none=True)
        ),
        bytes=size(world.status),
    )


def _heading(*columns: str) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"


def costs() -> Iterator[str]:
    """A row for each set of gates and number of gateway pods."""
    yield from _heading(
        "gates",
        "gateway pods",
        "evaluation, µs",
        "times the first",
        "pass without it, µs",
        "status from and to JSON, µs",
        "status, bytes",
    )
    first = 0.0
    for gates in SETS:
        for pods in GATEWAY_PODS:
            one = cost(gates, pods)
            first = first or one.evaluation
            times = f"{one.evaluation:.0f} | {one.evaluation / first:.1f} | {one.without:.0f} | {one.stored:.0f}"
            yield f"| {gates.name} | {pods} | {times} | {one.bytes} |"


def writes() -> Iterator[str]:
    """A row for each set of gates and kind of version."""
    yield from _heading(
        "gates",
        "requests/s",
        "version",
        "ends",
        "seconds",
        "passes",
        "status writes",
        "kB written",
        "largest, bytes",
        "at rest, bytes",
    )
    for gates in SETS:
        for rate in RATES:
            for version, harm in (("good", 0.0), ("+20 points", 0.2)):
                yield _written(gates, rate, version, harm)


def _written(gates: GateSet, rate: float, version: str, harm: float) -> str:
    ends = [run(begun_with(gates, 2, seed, failing=harm), rate) for seed in range(SEEDS)]
    completions = ", ".join(sorted({end.completion for end in ends}))
    columns = (
        (f"{end.seconds:.0f}" for end in ends),
        (str(end.passes) for end in ends),
        (str(end.writes) for end in ends),
        (f"{end.bytes_written / 1000:.0f}" for end in ends),
        (str(end.largest) for end in ends),
        (str(end.smallest) for end in ends),
    )
    numbers = " | ".join("/".join(dict.fromkeys(column)) for column in columns)
    return f"| {gates.name} | {rate:g} | {version} | {completions} | {numbers} |"


def main() -> None:
    """Both tables."""
    print("\nProcessor time of one evaluation of all gates, in the last step of an attempt:\n")
    for row in costs():
        print(row, flush=True)
    print(f"\nStatus writes of an attempt with its bake, {SEEDS} seeds:\n")
    for row in writes():
        print(row, flush=True)


if __name__ == "__main__":
    main()
