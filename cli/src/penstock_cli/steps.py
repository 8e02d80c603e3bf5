"""The steps of a resource in words, each done, current or still to come."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

DONE, CURRENT, COMING = "done", "current", "coming"

_DEFAULT: tuple[Object, ...] = tuple(
    step for weight in (5, 25, 50) for step in ({"setWeight": weight}, {"pause": {"duration": "1m"}})
)


@dataclass(frozen=True)
class StepView:
    """One step."""

    text: str
    state: str
    """done, current or coming."""


def steps_of(spec: Object) -> tuple[Object, ...]:
    """The steps that the controller follows for a spec."""
    strategy = spec.get("strategy") or {}
    if "blueGreen" in strategy:
        pause = strategy["blueGreen"].get("pause") or {}
        return ({"setCanaryScale": {"weight": 100}}, {"pause": pause}, {"setWeight": 100})
    steps = (strategy.get("canary") or {}).get("steps")
    return _DEFAULT if steps is None else tuple(steps)


def views(spec: Object, candidate: Object | None) -> tuple[StepView, ...]:
    """The steps of the attempt that goes on; none where nothing is on trial."""
    if candidate is None:
        return ()
    done = int(candidate.get("step") or 0)
    return tuple(StepView(text(step), _state(number, done)) for number, step in enumerate(steps_of(spec)))


def _state(number: int, done: int) -> str:
    if number == done:
        return CURRENT
    return DONE if number < done else COMING


def text(step: Object) -> str:
    """One step in a few words."""
    match step:
        case {"setWeight": weight}:
            return f"weight {weight} %"
        case {"pause": {"duration": length}}:
            return f"pause {length}"
        case {"pause": _}:
            return "pause until promote"
        case {"setMirror": {"percentage": share}}:
            return f"mirror {share} %"
        case {"setCanaryScale": scale}:
            return _scale(scale)
        case _:
            return ", ".join(step)


def _scale(scale: Object) -> str:
    match scale:
        case {"replicas": count}:
            return f"scale {count} pods"
        case {"weight": share}:
            return f"scale {share} %"
        case _:
            return "scale by weight"
