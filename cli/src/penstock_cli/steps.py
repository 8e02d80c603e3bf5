"""The steps of a resource in words, each done, current or still to come."""

from dataclasses import dataclass

from penstock_contracts.api.status import Candidate
from penstock_contracts.api.strategy import CanaryStep, Pause, SetCanaryScale, Strategy

DONE, CURRENT, COMING = "done", "current", "coming"

_DEFAULT = tuple(
    step for weight in (5, 25, 50) for step in (CanaryStep(set_weight=weight), CanaryStep(pause=Pause(duration="1m")))
)


@dataclass(frozen=True)
class StepView:
    """One step."""

    text: str
    state: str
    """done, current or coming."""


def steps_of(strategy: Strategy) -> tuple[CanaryStep, ...]:
    """The steps that the controller follows for a strategy."""
    if strategy.blue_green:
        return (
            CanaryStep(set_canary_scale=SetCanaryScale(weight=100)),
            CanaryStep(pause=strategy.blue_green.pause),
            CanaryStep(set_weight=100),
        )
    canary = strategy.canary
    return _DEFAULT if canary is None or canary.steps is None else canary.steps


def step_views(strategy: Strategy, candidate: Candidate | None) -> tuple[StepView, ...]:
    """The steps of the attempt that goes on; none where nothing is on trial."""
    if candidate is None:
        return ()
    steps = enumerate(steps_of(strategy))
    return tuple(StepView(step_text(step), _state(number, candidate.step)) for number, step in steps)


def _state(number: int, done: int) -> str:
    if number == done:
        return CURRENT
    return DONE if number < done else COMING


def step_text(step: CanaryStep) -> str:
    """One step in a few words."""
    if step.set_weight is not None:
        return f"weight {step.set_weight} %"
    if step.pause is not None:
        return f"pause {step.pause.duration}" if step.pause.duration else "pause until promote"
    if step.set_mirror is not None:
        return f"mirror {step.set_mirror.percentage} %"
    if step.set_replay is not None:
        return f"replay {step.set_replay.max_requests} recorded requests"
    if step.set_canary_scale is not None:
        return _scale_text(step.set_canary_scale)
    return "step of a newer release"


def _scale_text(scale: SetCanaryScale) -> str:
    if scale.replicas is not None:
        return f"scale {scale.replicas} pods"
    return f"scale {scale.weight} %" if scale.weight is not None else "scale by weight"
