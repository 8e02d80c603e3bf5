"""An attempt under the engine's real passes, at the moments at which the controller would make them, on drawn traffic.

Whatever a pass asks for is there by the next one, and each pass comes when the one before said. What is counted: status
writes, and how many bytes each is.
"""

import json
from dataclasses import dataclass

import numpy as np

from bench.evaluation.drawn_counters import DrawnCounters
from penstock_contracts.api.status import ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_testing.rollout_world import RolloutWorld

RESYNC = 60.0
"""Seconds between passes when nothing happens: the controller's default."""
_SHORTEST = 0.05
_MOST_PASSES = 20_000
OLD, NEW = "rev1", "rev2"


@dataclass(frozen=True, kw_only=True)
class DrivenEnd:
    """What an attempt took until its version, or the one before it, served alone."""

    completion: str
    seconds: float
    passes: int
    writes: int
    bytes_written: int
    largest: int
    """Bytes of the largest status."""
    smallest: int
    """Bytes of the status at rest, after it."""


def size(status: ModelDeploymentStatus) -> int:
    """Bytes of a status as JSON."""
    return len(json.dumps(status.model_dump(mode="json", exclude_none=True), separators=(",", ":")))


def begun(
    spec: ModelDeploymentSpec, gateway_pods: int, seed: int, *, failing: float = 0.0, base: float = 0.001
) -> RolloutWorld:
    """Version 1 serves, and version 2 is wanted. `failing`: by so much it fails more often than `base`."""
    drawn, pods = np.random.default_rng(seed), [f"gateway-{number}" for number in range(gateway_pods)]
    world = RolloutWorld(spec=spec, gateways=dict.fromkeys(pods))
    world.counters = {pod: DrawnCounters(pod, drawn=drawn) for pod in pods}
    world.failing = {OLD: base, NEW: base + failing}
    world.want("1").settle()
    return world.want("2")


def run(world: RolloutWorld, requests_per_second: float) -> DrivenEnd:
    """Drive an attempt to its end."""
    begin, writes, records = world.now, world.writes, len(world.status.history)
    requests, passes, sizes, wait = 0.0, 0, [], _SHORTEST
    while len(world.status.history) == records or world.status.retiring:
        # Fractions of a request come with a later pass.
        requests += wait * requests_per_second / len(world.gateways)
        world.requests, requests = int(requests), requests % 1
        before = world.writes
        decision = world.tick(wait)
        passes += 1
        sizes += [size(world.status)] if world.writes > before else []
        wait = max(_SHORTEST, min(RESYNC, RESYNC if decision.requeue_after is None else decision.requeue_after))
        if passes > _MOST_PASSES:
            raise RuntimeError(f"the attempt has not ended after {passes} passes: {world.status.message}")
    return DrivenEnd(
        completion=world.status.history[0].completion,
        seconds=(world.now - begin).total_seconds(),
        passes=passes,
        writes=world.writes - writes,
        bytes_written=sum(sizes),
        largest=max(sizes),
        smallest=size(world.status),
    )
