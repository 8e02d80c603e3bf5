"""From counters on gateway pods to the tries of one interval.

Counters only grow, each gateway pod has its own, and they begin at 0 with another source. So what was read last is kept
for each source, and an interval is the difference: a pod that left takes nothing back, one that is silent for a while
is made up for at its next answer, and a pass that was killed before it wrote is simply repeated over a longer interval.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from penstock_contracts.api import duration
from penstock_contracts.api.status import ArmReading, EvidenceStatus, ModelDeploymentStatus, SourceReading, TryCount
from penstock_contracts.api.v1alpha1 import ModelDeploymentSpec
from penstock_contracts.evidence import Arm
from penstock_controller.rollout import routing
from penstock_controller.rollout.observation import Reading
from penstock_controller.rollout.timestamps import exact_stamp, seconds_since

_MOST_SOURCES = 400
"""Far above the gateway pods that the chart allows: only what pods that left had said is ever given up."""
_CLOSER = 4
"""After an interval that looks bad the next one is this many times shorter. The test's error level holds for any times
at which it is read, so a closer look costs nothing but a write."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Tries of one interval: the version that is judged, and the one it is compared with."""

    candidate: TryCount
    stable: TryCount


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
    return candidate is not None and candidate.ending is None and routing.known(status.traffic, candidate.revision)


def begun(attempt: int, readings: tuple[Reading, ...], now: datetime) -> EvidenceStatus:
    """Where the first interval of an attempt begins: what the counters say already belongs to no attempt of ours."""
    return EvidenceStatus(attempt=attempt, taken_at=exact_stamp(now), readings=tuple(map(_kept, readings)))


def moved_on(before: EvidenceStatus, readings: tuple[Reading, ...], now: datetime, found: Interval) -> EvidenceStatus:
    """Where the next interval begins, after one in which `found` was found."""
    read = {reading.source: _kept(reading) for reading in readings}
    # A pod whose counters began anew never tells the old ones again. Another that is silent may come back.
    answered = {_pod(source) for source in read}
    silent = [reading for reading in before.readings if _pod(reading.source) not in answered]
    return EvidenceStatus(
        attempt=before.attempt,
        taken_at=exact_stamp(now),
        readings=(*read.values(), *silent)[:_MOST_SOURCES],
        candidate_worse=_worse(found) or None,
    )


def _pod(source: str) -> str:
    return source.rsplit("/", 1)[0]


def _worse(found: Interval) -> bool:
    """Whether the version that is judged failed in a larger share of its tries: a hint, no verdict."""
    candidate, stable = found.candidate, found.stable
    return candidate.failures * max(1, stable.tries) > stable.failures * candidate.tries


def interval(status: ModelDeploymentStatus, readings: tuple[Reading, ...]) -> Interval | None:
    """The tries since the last reading; None: nothing is compared now."""
    before = status.evidence.readings if status.evidence else ()
    stable, candidate, previous = status.stable, status.candidate, status.previous
    if stable and candidate:
        return Interval(
            candidate=_tries(before, readings, candidate.revision, Arm.USERS, Arm.SHADOW),
            stable=_tries(before, readings, stable.revision, Arm.USERS, Arm.SHADOW),
        )
    if stable and previous:
        return Interval(
            candidate=_tries(before, readings, stable.revision, Arm.USERS),
            stable=_tries(before, readings, previous.revision, Arm.SHADOW),
        )
    return None


def added(first: TryCount, second: TryCount) -> TryCount:
    """Both together."""
    kinds = {kind: first.kinds.get(kind, 0) + second.kinds.get(kind, 0) for kind in {*first.kinds, *second.kinds}}
    return TryCount(
        tries=first.tries + second.tries,
        failures=first.failures + second.failures,
        kinds=dict(sorted(kinds.items())),
    )


def _tries(before: tuple[SourceReading, ...], readings: tuple[Reading, ...], revision: str, *arms: Arm) -> TryCount:
    earlier = {(reading.source, one.revision, one.arm): one for reading in before for one in reading.arms}
    found = (
        _since(earlier.get((reading.source, one.revision, one.arm)), one)
        for reading in map(_kept, readings)
        for one in reading.arms
        if one.revision == revision and one.arm in arms
    )
    return _sum(found)


def _sum(counts: Iterable[TryCount]) -> TryCount:
    total = TryCount()
    for count in counts:
        total = added(total, count)
    return total


def _since(before: ArmReading | None, now: ArmReading) -> TryCount:
    if before is None:
        return TryCount(tries=now.tries, failures=now.failures, kinds=now.kinds)
    kinds = {kind: max(0, count - before.kinds.get(kind, 0)) for kind, count in now.kinds.items()}
    tries = max(0, now.tries - before.tries)
    return TryCount(
        tries=tries,
        failures=min(tries, max(0, now.failures - before.failures)),
        kinds={kind: count for kind, count in kinds.items() if count},
    )


def _kept(reading: Reading) -> SourceReading:
    arms = (
        ArmReading(
            revision=one.revision, arm=one.arm.value, tries=one.tries, failures=one.failures, kinds=dict(one.kinds)
        )
        for one in reading.tries
        if one.arm is not Arm.RESCUE
    )
    return SourceReading(source=reading.source, arms=tuple(arms))
