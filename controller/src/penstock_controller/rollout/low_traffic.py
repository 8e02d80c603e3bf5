"""What to write where a model is asked too seldom for its gates."""

import math

from penstock_contracts.api import duration
from penstock_contracts.api.status import Candidate
from penstock_controller.gates.gate import Gate
from penstock_controller.rollout.context import RolloutContext
from penstock_controller.rollout.steps import setting_at, steps_of
from penstock_controller.rollout.timestamps import seconds_since

_HOUR = 3600
_LONGEST_HOURS = 24
"""As long as spec.progressDeadline may be."""
_NO_GATES = "write spec.analysis: {gates: []} if nothing needs to be proven"


def advice(context: RolloutContext, gate: Gate, samples: int) -> str:
    """To be put behind what a step lacks; empty: at this rate it comes in time, or no rate is known yet.

    The rate is taken when the counters were read: between two readings the words stay the same.
    """
    evidence, candidate = context.status.evidence, context.status.candidate
    since = candidate.step_since if candidate else None
    if evidence is None or candidate is None or since is None:
        return ""
    seen_for = seconds_since(since, context.observation.now) - seconds_since(evidence.taken_at, context.observation.now)
    deadline = duration.seconds(context.spec.progress_deadline)
    if seen_for < min(60.0, deadline / 4):
        return ""
    if samples <= 0:
        return f"; {gate.how_to_get_samples}, or {_NO_GATES}"
    return _by_rate(context, candidate, gate, samples / seen_for, deadline)


def _by_rate(context: RolloutContext, candidate: Candidate, gate: Gate, rate: float, deadline: float) -> str:
    """Each step that gathers evidence needs its own samples; later ones get more requests, which is not counted on."""
    steps = steps_of(context.spec.strategy)
    left = [
        index
        for index in range(candidate.step, len(steps))
        if steps[index].pause is not None and gate.gathers(context.conditions(setting_at(steps, index)))
    ]
    seconds = gate.min_samples * max(1, len(left)) / rate
    if seconds <= deadline:
        return ""
    limit = f"spec.progressDeadline ({deadline / 60:.3g}m)"
    told = f"; at {rate * 60:.2g} {gate.sample} a minute that is too slow for {limit}: "
    hours = math.ceil(seconds / _HOUR)
    fewer = max(1, math.floor(rate * deadline / max(1, len(left))))
    longer = f"spec.progressDeadline: {hours}h, or " if hours <= _LONGEST_HOURS else ""
    return f"{told}write {longer}minSamples: {fewer} for this gate in spec.analysis.gates, or {_NO_GATES}"
