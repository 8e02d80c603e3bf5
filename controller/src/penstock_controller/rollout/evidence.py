"""From counters on gateway pods to the tries of one interval.

Counters only grow, each gateway pod has its own, and they begin at 0 with another source. So what was read last is kept
for each source, and an interval is the difference: a pod that left takes nothing back, one that is silent for a while
is made up for at its next answer, and a pass that was killed before it wrote is simply repeated over a longer interval.
"""

from collections.abc import Mapping
from datetime import datetime

from penstock_contracts.api import duration
from penstock_contracts.api.status import EvidenceStatus, ModelDeploymentStatus
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.evidence import TryReason
from penstock_controller.gates.evidence import ComparedTries, TryCount
from penstock_controller.rollout import counters, routing
from penstock_controller.rollout.counters import Counters
from penstock_controller.rollout.observation import Reading
from penstock_controller.rollout.timestamps import exact_stamp, seconds_since

_MOST_SOURCES = 400
"""Far above the gateway pods that the chart allows: only what pods that left had said is ever given up."""
_CLOSER = 4
"""After an interval that looks bad the next one is this many times shorter. The test's error level holds for any times
at which it is read, so a closer look costs nothing but a write."""


def due(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, now: datetime) -> bool:
    """Whether a pass at `now` is to read the counters: the gateway knows the candidate, and an interval is over."""
    if not _gathering(status):
        return False
    evidence = status.evidence
    if evidence is None or evidence.attempt != status.attempt:
        return True
    return seconds_since(evidence.taken_at, now) >= _length(spec, evidence)


def next_due(spec: ModelDeploymentSpec, status: ModelDeploymentStatus, now: datetime) -> float | None:
    """Seconds until the counters are to be read; None: not in this state."""
    if not _gathering(status) or status.evidence is None:
        return None
    return max(0.0, _length(spec, status.evidence) - seconds_since(status.evidence.taken_at, now))


def _length(spec: ModelDeploymentSpec, evidence: EvidenceStatus) -> float:
    """Seconds of the interval that is running."""
    seconds = duration.seconds(spec.analysis.interval)
    return seconds / _CLOSER if evidence.candidate_worse else seconds


def _gathering(status: ModelDeploymentStatus) -> bool:
    if status.previous:
        return True
    candidate = status.candidate
    return candidate is not None and candidate.ending is None and routing.knows(status.traffic, candidate.revision)


def first_reading(attempt: int, readings: tuple[Reading, ...], now: datetime) -> EvidenceStatus:
    """Where the first interval of an attempt begins: what the counters say already belongs to no attempt of ours."""
    return EvidenceStatus(attempt=attempt, taken_at=exact_stamp(now), readings=_texts(readings))


def next_reading(
    before: EvidenceStatus, readings: tuple[Reading, ...], now: datetime, found: ComparedTries
) -> EvidenceStatus:
    """Where the next interval begins, after one in which `found` was found."""
    read = _texts(readings)
    # A pod whose counters began anew never tells the old ones again. Another that is silent may come back.
    answered = {_pod(source) for source in read}
    silent = {source: text for source, text in before.readings.items() if _pod(source) not in answered}
    return EvidenceStatus(
        attempt=before.attempt,
        taken_at=exact_stamp(now),
        readings=dict(list({**read, **silent}.items())[:_MOST_SOURCES]),
        candidate_worse=_worse(found) or None,
    )


def _texts(readings: tuple[Reading, ...]) -> dict[str, str]:
    return {reading.source: counters.to_text(counters.counters_of(reading)) for reading in readings}


def _pod(source: str) -> str:
    return source.rsplit("/", 1)[0]


def _worse(found: ComparedTries) -> bool:
    """Whether the version that is judged failed in a larger share of its tries: a hint, no verdict."""
    candidate, stable = found.candidate, found.stable
    return candidate.failures * max(1, stable.tries) > stable.failures * candidate.tries


def compared_tries(status: ModelDeploymentStatus, readings: tuple[Reading, ...]) -> ComparedTries | None:
    """The tries since the last reading; None: nothing is compared now."""
    stable, candidate, previous = status.stable, status.candidate, status.previous
    if stable is None or (candidate is None and previous is None):
        return None
    pairs = _pairs(status.evidence.readings if status.evidence else {}, readings)
    if candidate:
        return ComparedTries(
            candidate=_tries(pairs, candidate.revision, TryReason.USERS, TryReason.SHADOW),
            stable=_tries(pairs, stable.revision, TryReason.USERS, TryReason.SHADOW),
        )
    if previous:
        return ComparedTries(
            candidate=_tries(pairs, stable.revision, TryReason.USERS),
            stable=_tries(pairs, previous.revision, TryReason.SHADOW),
        )
    return None


def _pairs(before: Mapping[str, str], readings: tuple[Reading, ...]) -> list[tuple[Counters, Counters]]:
    """Each gateway pod's counters as they were read last, and now."""
    pairs = []
    for reading in readings:
        now = counters.counters_of(reading)
        # What cannot be read any more (a status that was edited by hand) begins anew: its past is counted once at most.
        earlier = counters.from_text(before.get(reading.source, ""))
        pairs.append((now if earlier is None else earlier, now))
    return pairs


def _tries(pairs: list[tuple[Counters, Counters]], revision: str, *arms: TryReason) -> TryCount:
    total = TryCount()
    for earlier, now in pairs:
        total = total.plus(counters.tries_between(earlier, now, revision, arms))
    return total
