"""Rollouts at the point where a scenario begins, and words to look at them with."""

from collections.abc import Callable

from penstock_contracts.api.status import DecisionRecord
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.traffic import TrafficSplit
from penstock_testing.rollout_world import RolloutWorld, spec

Step = dict[str, object]
_PASSES = 600


def pause(duration: str | None = None) -> Step:
    return {"pause": {"duration": duration} if duration else {}}


def error_rate(**fields: object) -> dict[str, object]:
    """`spec.analysis` with one gate, read once a second."""
    undecided = fields.pop("onInconclusive", "Pause")
    gate: dict[str, object] = {"name": "error-rate", "minSamples": 50, **fields}
    return {"interval": "1s", "gates": [gate], "onInconclusive": undecided}


NO_GATES: dict[str, object] = {"interval": "1s", "gates": []}


def canary(*steps: Step, bake: str = "0s", **fields: object) -> ModelDeploymentSpec:
    """A canary with four pods; without gates unless told otherwise."""
    given: dict[str, object] = {"predictor": {"minReplicas": 4}, "analysis": NO_GATES}
    given.update(fields)
    options = {key: given.pop(key) for key in ("match", "stickiness") if key in given}
    return spec(strategy={"canary": {"steps": list(steps), **options}}, bake={"duration": bake}, **given)


def on_trial(wish: ModelDeploymentSpec) -> RolloutWorld:
    """Version 1 serves; version 2 has just been wanted, and nothing has happened yet."""
    world = RolloutWorld(spec=wish).want("1").settle(0.2)
    world.announcements.clear()
    world.actions.clear()
    return world.want("2")


def until(world: RolloutWorld, reached: Callable[[RolloutWorld], bool], seconds: float = 0.2) -> RolloutWorld:
    """Tick until it is so."""
    for _ in range(_PASSES):
        if reached(world):
            return world
        world.tick(seconds)
    raise AssertionError(f"never so: {world.status.phase}, {world.status.message}")


def is_baking(world: RolloutWorld) -> bool:
    return world.status.previous is not None


def is_paused(world: RolloutWorld) -> bool:
    return world.status.phase.value == "Paused"


def has(percent: int) -> Callable[[RolloutWorld], bool]:
    """The candidate has a share of the requests, applied by every gateway pod."""
    return lambda world: world.status.candidate is not None and world.status.candidate.weight == percent


def wish(world: RolloutWorld) -> TrafficSplit:
    """What the gateway is asked for."""
    assert world.status.traffic
    return world.status.traffic.desired


def asked(world: RolloutWorld) -> dict[str, int]:
    """Weights that the gateway is asked for."""
    split = world.status.traffic.desired if world.status.traffic else None
    return {backend.revision: backend.weight for backend in split.backends} if split else {}


def stable(world: RolloutWorld) -> str | None:
    """Stable's version."""
    return world.status.stable.version if world.status.stable else None


def last(world: RolloutWorld) -> DecisionRecord:
    """The newest decision record."""
    return world.status.history[0]


def condition(world: RolloutWorld, kind: str) -> tuple[str, str]:
    """Status and reason of a condition."""
    found = next(item for item in world.status.conditions if item.type == kind)
    return found.status, found.reason
