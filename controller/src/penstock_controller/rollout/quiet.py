"""What to write where a model is asked too seldom for its gates."""

import math

from penstock_contracts.api import duration
from penstock_contracts.api.status import Candidate
from penstock_controller.rollout.situation import Situation
from penstock_controller.rollout.steps import setting_at, steps_of
from penstock_controller.rollout.timestamps import seconds_since

_HOUR = 3600
_LONGEST_HOURS = 24
"""As long as spec.progressDeadline may be."""
_NO_GATES = "write spec.analysis: {gates: []} if nothing needs to be proven"


def advice(situation: Situation, candidate: Candidate, tries: int, needed: int) -> str:
    """To be put behind what a step lacks; empty: at this rate it comes in time, or no rate is known yet.

    The rate is taken when the counters were read: between two readings the words stay the same.
    """
    evidence, since = situation.status.evidence, candidate.step_since
    if evidence is None or since is None:
        return ""
    seen_for = seconds_since(since, situation.observation.now) - seconds_since(
        evidence.taken_at, situation.observation.now
    )
    deadline = duration.seconds(situation.spec.progress_deadline)
    if seen_for < min(60.0, deadline / 4):
        return ""
    if tries <= 0:
        return f"; no request has reached it in this step: send some, or {_NO_GATES}"
    return _by_rate(situation, candidate, tries / seen_for, needed, deadline)


def _by_rate(situation: Situation, candidate: Candidate, rate: float, needed: int, deadline: float) -> str:
    """Each step that gathers evidence needs its own samples; later ones get more requests, which is not counted on."""
    steps = steps_of(situation.spec.strategy)
    left = [
        index
        for index in range(candidate.step, len(steps))
        if steps[index].pause is not None and setting_at(steps, index).gathers
    ]
    seconds = needed * max(1, len(left)) / rate
    if seconds <= deadline:
        return ""
    told = f"; at {rate * 60:.2g} tries a minute that is too slow for spec.progressDeadline ({deadline / 60:.3g}m): "
    hours = math.ceil(seconds / _HOUR)
    fewer = max(1, math.floor(rate * deadline / max(1, len(left))))
    longer = f"spec.progressDeadline: {hours}h, or " if hours <= _LONGEST_HOURS else ""
    return f"{told}write {longer}minSamples: {fewer} for this gate in spec.analysis.gates, or {_NO_GATES}"
