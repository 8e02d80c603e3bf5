"""When the counters of the gateway pods are to be read.

At each change of shares, soon after it, at the end of what nothing is counted in, at the end of a step's pause, and
then once in an interval. The test's error level holds for any times that do not depend on the outcomes still to come.
"""

from collections.abc import Iterator
from datetime import datetime

from penstock_contracts.api import duration
from penstock_contracts.api.status import Candidate, EvidenceStatus, ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_controller.rollout import routing, shares
from penstock_controller.rollout.steps import steps_of
from penstock_controller.rollout.timestamps import seconds_since

_EARLY = (1 / 8, 1 / 4, 3 / 8, 1 / 2, 1)
"""Parts of an interval after which it is looked first with new shares: a version that always fails is found at once."""
_SHORTEST = 0.5
"""Seconds: no look is earlier."""
_SAME = 0.0005
"""Seconds: stamps have milliseconds, so a moment that is nearer to the last reading is that reading."""
_CLOSER = 4
"""After an interval that looks bad the next one is this many times shorter. The test's error level holds for any times
at which it is read, so a closer look costs nothing but a write."""


def due(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, now: datetime) -> bool:
    """Whether a pass at `now` is to read the counters."""
    if not gathering(status):
        return False
    left = next_due(spec, status, now)
    return left is None or left <= 0


def next_due(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, now: datetime) -> float | None:
    """Seconds until the counters are to be read; None: not in this state, or nothing was read yet."""
    evidence = status.evidence
    if not gathering(status) or evidence is None or evidence.attempt != status.attempt:
        return None
    taken = seconds_since(evidence.taken_at, now)
    current = shares.current(status)
    if current != evidence.shares and shares.are_settled(current):
        return 0.0
    moments = _moments(spec, status, evidence, now)
    # Each in seconds before now; the last reading was `taken` seconds ago.
    return min((max(0.0, -ago) for ago in moments if ago < taken - _SAME), default=0.0)


def _moments(
    spec: ModelDeploymentSpec, status: ModelDeploymentStatus, evidence: EvidenceStatus, now: datetime
) -> Iterator[float]:
    """When to read, in seconds before now; below 0: after now."""
    interval = duration.seconds(spec.analysis.interval)
    yield seconds_since(evidence.taken_at, now) - (interval / _CLOSER if evidence.candidate_worse else interval)
    if evidence.since and evidence.shares_since:
        settled = seconds_since(evidence.shares_since, now)
        yield from (settled - part * interval for part in _EARLY if part * interval >= _SHORTEST)
    if evidence.since:
        yield from (seconds_since(evidence.since, now) - delay for delay in _delays(spec))
    if status.candidate:
        yield from _pause_end(spec, status.candidate, now)


def _delays(spec: ModelDeploymentSpec) -> Iterator[float]:
    for gate in spec.analysis.gates or ():
        seconds = duration.seconds(gate.initial_delay)
        if seconds:
            yield seconds


def _pause_end(spec: ModelDeploymentSpec, candidate: Candidate, now: datetime) -> Iterator[float]:
    steps = steps_of(spec.strategy)
    pause = steps[candidate.step].pause if candidate.step < len(steps) else None
    if pause and pause.duration and candidate.step_since:
        yield seconds_since(candidate.step_since, now) - duration.seconds(pause.duration)


def gathering(status: ModelDeploymentStatus) -> bool:
    """Whether there is anything to read: the gateway knows the candidate, or stable bakes."""
    if status.previous:
        return True
    candidate = status.candidate
    return candidate is not None and candidate.ending is None and routing.knows(status.traffic, candidate.revision)
