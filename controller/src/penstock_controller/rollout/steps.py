"""What the steps of a strategy ask for, up to any one of them. Arithmetic only."""

import math
from dataclasses import dataclass, replace

from penstock_contracts.api.strategy import CanaryStep, Match, Pause, SetCanaryScale, SetReplay, Strategy

EVERYTHING = 100
_FEWEST = 2
"""Pods of a candidate, where stable has as many."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What holds while a step lasts."""

    weight: int = 0
    """Per cent of the users' requests that the candidate gets."""
    mirror: int = 0
    """Per cent of stable's requests that the candidate answers too; only while its weight is 0."""
    replay: SetReplay | None = None
    """The recorded requests that the candidate answers; only while its weight is 0. None: it answers none."""
    scale: SetCanaryScale | None = None
    """The candidate's size; None: what its share needs."""

    def replicas(self, total: int) -> int:
        """Pods of a candidate where stable has `total`: at least what its share of the requests needs.

        At least two, where stable has two: with one pod, nobody can tell a sick pod from a bad version.
        """
        share = EVERYTHING if self.mirror else self.weight
        return max(1, min(_FEWEST, total), _part(total, share), _requested(self.scale, total))


def _part(total: int, share: int) -> int:
    return math.ceil(total * share / EVERYTHING)


def _requested(scale: SetCanaryScale | None, total: int) -> int:
    if scale is None or scale.match_traffic_weight:
        return 0
    return scale.replicas or _part(total, scale.weight or 0)


def _gradually(*weights: int) -> tuple[CanaryStep, ...]:
    pause = CanaryStep(pause=Pause(duration="1m"))
    return tuple(step for weight in weights for step in (CanaryStep(set_weight=weight), pause))


_DEFAULT = _gradually(5, 25, 50)


def steps_of(strategy: Strategy) -> tuple[CanaryStep, ...]:
    """The steps of a strategy. Blue/green: the candidate in full, a pause for its preview, then everything."""
    if strategy.blue_green:
        return (
            CanaryStep(set_canary_scale=SetCanaryScale(weight=EVERYTHING)),
            CanaryStep(pause=strategy.blue_green.pause),
            CanaryStep(set_weight=EVERYTHING),
        )
    canary = strategy.canary
    return _DEFAULT if canary is None or canary.steps is None else canary.steps


def matches_of(strategy: Strategy) -> tuple[Match, ...]:
    """The requests that reach the candidate whatever its weight."""
    if strategy.blue_green:
        return strategy.blue_green.match
    return strategy.canary.match if strategy.canary else ()


def setting_at(steps: tuple[CanaryStep, ...], index: int) -> Setting:
    """What holds while step `index` lasts: all steps up to it, one after the other. Past the end: after the last."""
    setting = Setting()
    for step in steps[: index + 1]:
        setting = _with(setting, step)
    return setting


def size_at(steps: tuple[CanaryStep, ...], index: int, total: int) -> int:
    """Pods of the candidate while step `index` lasts: they are there before the next weight asks for them."""
    coming = (step.set_weight for step in steps[index:] if step.set_weight is not None)
    following = Setting(weight=next(coming, EVERYTHING))
    return max(setting_at(steps, index).replicas(total), following.replicas(total))


def _with(setting: Setting, step: CanaryStep) -> Setting:
    if step.set_weight is not None:
        if step.set_weight == 0:
            return replace(setting, weight=0)
        # A copy beside a share would have the candidate answer more than its size is made for.
        return replace(setting, weight=step.set_weight, mirror=0, replay=None)
    if step.set_replay is not None:
        return replace(setting, replay=None if setting.weight else step.set_replay)
    if step.set_mirror is not None:
        return replace(setting, mirror=0 if setting.weight else step.set_mirror.percentage)
    if step.set_canary_scale is not None:
        return replace(setting, scale=step.set_canary_scale)
    return setting
