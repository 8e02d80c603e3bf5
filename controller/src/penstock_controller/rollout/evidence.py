"""From counters on gateway pods to the tries of one interval.

Counters only grow, each gateway pod has its own, and they begin at 0 with another source. So what was read last is kept
for each source, and an interval is the difference: a pod that left takes nothing back, one that is silent for a while
is made up for at its next answer, and a pass that was killed before it wrote is simply repeated over a longer interval.

Versions are compared within an interval in which nobody's share of the requests changed. Otherwise an outage would
count for the version that got more of the requests while it lasted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from math import sqrt

from penstock_contracts.api.status import AttemptStage, EvidenceStatus, ModelDeploymentStatus
from penstock_contracts.evidence import TryReason
from penstock_contracts.latency_buckets import highest_edge_up_to
from penstock_contracts.traffic import overtaken_after
from penstock_controller.analysis.counts import Block, CountedTries
from penstock_controller.analysis.sample_ratio import SampleRatioTest
from penstock_controller.gates.evidence import ComparedLatencies, ComparedTries, TryCount
from penstock_controller.rollout import counters, pod_readings, shares, sick_pods, timings
from penstock_controller.rollout.counters import Counters
from penstock_controller.rollout.observation import Reading, Workload
from penstock_controller.rollout.pod_readings import PodInterval
from penstock_controller.rollout.sick_pods import PodVerdicts
from penstock_controller.rollout.timestamps import exact_stamp

_MOST_SOURCES = 400
"""Far above the gateway pods that the chart allows: only what pods that left had said is ever given up."""
_CLEARLY = 2.0
"""Standard deviations by which the candidate fails more often than stable's rate lets expect, before it looks bad."""


def first_reading(
    status: ModelDeploymentStatus, readings: tuple[Reading, ...], workloads: tuple[Workload, ...], now: datetime
) -> EvidenceStatus:
    """Where the first interval of an attempt begins: what the counters say already belongs to no attempt of ours."""
    taken_at, current = exact_stamp(now), shares.current(status)
    return EvidenceStatus(
        attempt=status.attempt,
        stage=stage_of(status),
        taken_at=taken_at,
        shares=current,
        shares_since=taken_at,
        since=taken_at if shares.reach_the_judged(status) else None,
        readings=_texts(readings),
        asked_since=taken_at,
        pods=pod_readings.first_texts(readings, workloads),
        pod_sources=pod_readings.sources_of(readings),
    )


@dataclass(frozen=True, kw_only=True)
class CountedInterval:
    """What the counters say of the time since the last reading."""

    readings: tuple[Reading, ...]
    """The counters at its end, of those gateway pods that answered."""
    same_shares: bool
    """Nobody's share of the requests changed, and it is the same stage: only then its tries are compared."""
    tries: ComparedTries
    """Whatever happened to the shares, at all pods."""
    counted: ComparedTries
    """Those that count, whatever happened to the shares."""
    pods: PodVerdicts
    """What is known of each pod by then."""
    asked: int
    """Users' requests, at any revision."""

    @property
    def compared(self) -> ComparedTries:
        """The tries that count; none where shares changed."""
        return self.counted if self.same_shares else ComparedTries(other_shares=True, promoted=self.tries.promoted)


def interval_of(
    status: ModelDeploymentStatus,
    before: EvidenceStatus,
    readings: tuple[Reading, ...],
    workloads: tuple[Workload, ...],
    now: datetime,
) -> CountedInterval:
    """What came since the last reading."""
    pairs = _pairs(before.readings, readings)
    revisions = {revision for _, now in pairs for revision, _ in now}
    by_pod = pod_readings.interval_of(before, readings, workloads)
    verdicts = sick_pods.judge(status, before, by_pod, now)
    tries = _tries_at_arms(status, pairs)
    return CountedInterval(
        readings=readings,
        same_shares=_same_shares(status, before),
        tries=tries,
        counted=_counted(status, tries, by_pod, verdicts),
        pods=verdicts,
        asked=sum(_tries(pairs, revision, TryReason.USERS).tries for revision in revisions),
    )


def _counted(
    status: ModelDeploymentStatus, tries: ComparedTries, by_pod: PodInterval, verdicts: PodVerdicts
) -> ComparedTries:
    """The tries without those at pods that are left out. Where these are not known, none can be compared."""
    arms = shares.arms_of(status)
    if arms is None or not verdicts.is_told:
        return ComparedTries(promoted=tries.promoted)

    def without(pods: frozenset[str]) -> tuple[TryCount, TryCount]:
        return (
            tries.candidate.minus(by_pod.at(pods, arms.judged, arms.judged_by)),
            tries.stable.minus(by_pod.at(pods, arms.beside, arms.beside_by)),
        )

    candidate, stable = without(verdicts.left_out)
    sure = None if verdicts.doubted == verdicts.left_out else without(verdicts.doubted)
    return replace(tries, candidate=candidate, stable=stable, sure=sure)


def _same_shares(status: ModelDeploymentStatus, before: EvidenceStatus) -> bool:
    return (before.stage, before.shares) == (stage_of(status), shares.current(status))


def next_reading(
    status: ModelDeploymentStatus,
    before: EvidenceStatus,
    interval: CountedInterval,
    now: datetime,
    edges: tuple[int, ...] = (),
) -> EvidenceStatus:
    """Where the next interval begins, after this one. Latencies are counted at these edges."""
    taken_at, stage, same = exact_stamp(now), stage_of(status), interval.same_shares
    since = before.since if before.stage is stage else None
    last = _kept(before.readings, _texts(interval.readings), same=same)
    return EvidenceStatus(
        attempt=before.attempt,
        stage=stage,
        taken_at=taken_at,
        shares=shares.current(status),
        shares_since=before.shares_since if same else taken_at,
        since=since or (taken_at if shares.reach_the_judged(status) else None),
        readings=last,
        edges=edges,
        timings=timings.next_texts(before, interval.readings, edges, (source for source in last if same)),
        asked=before.asked + interval.asked,
        asked_since=before.asked_since,
        pods=pod_readings.texts(interval.pods.known),
        pod_sources=pod_readings.sources_of(interval.readings) if interval.readings else before.pod_sources,
        sick_pods=(*before.sick_pods, *interval.pods.named),
        candidate_worse=_worse(interval.counted) or interval.pods.any_suspected or None,
        sample_ratio=_sample_ratio(status, before, interval),
    )


def _sample_ratio(status: ModelDeploymentStatus, before: EvidenceStatus, interval: CountedInterval) -> str:
    """The test whether tries come in the shares that are applied, with one interval more where that can be told."""
    share = shares.routed_share(status)
    if share is None or not interval.same_shares:
        return before.sample_ratio
    block = Block(CountedTries(interval.tries.candidate.tries), CountedTries(interval.tries.stable.tries))
    return SampleRatioTest.restored(before.sample_ratio).after(block, share).state()


def _kept(before: Mapping[str, str], read: dict[str, str], *, same: bool) -> dict[str, str]:
    """What was read last of each source.

    A pod whose counters began anew never tells the old ones again. Another that is silent may come back: then it is
    made up for, unless shares have changed meanwhile.
    """
    answered = {_pod(source) for source in read}
    silent = {
        source: text if same else counters.UNKNOWN for source, text in before.items() if _pod(source) not in answered
    }
    return dict(list({**read, **silent}.items())[:_MOST_SOURCES])


def _texts(readings: tuple[Reading, ...]) -> dict[str, str]:
    return {reading.source: counters.to_text(counters.counters_of(reading)) for reading in readings}


def _pod(source: str) -> str:
    return source.rsplit("/", 1)[0]


def _worse(found: ComparedTries) -> bool:
    """Whether the version that is judged clearly failed in a larger share of its tries: a hint, no verdict."""
    candidate, stable = found.candidate, found.stable
    if not candidate.tries or not stable.tries:
        return False
    expected = candidate.tries * (stable.failures + 1) / (stable.tries + 1)
    return candidate.failures > expected + _CLEARLY * sqrt(expected)


def stage_of(status: ModelDeploymentStatus) -> AttemptStage:
    """The stage of the attempt that evidence is gathered in."""
    return AttemptStage.BAKE if status.previous else AttemptStage.TRIAL


def compared_latencies(
    status: ModelDeploymentStatus, readings: tuple[Reading, ...], time_limit: float
) -> ComparedLatencies:
    """The latencies since the last reading; none where shares changed since. `time_limit`: of a request, in seconds."""
    before, arms = status.evidence, shares.arms_of(status)
    if before is None or arms is None:
        return ComparedLatencies()
    found = ComparedLatencies(
        candidate=timings.timed_tries(before, readings, arms.judged, arms.judged_by),
        stable=timings.timed_tries(before, readings, arms.beside, arms.beside_by),
        highest_edge=highest_edge_up_to(1000 * overtaken_after(time_limit)),
    )
    return found if _same_shares(status, before) else found.of_other_shares()


def _tries_at_arms(status: ModelDeploymentStatus, pairs: list[tuple[Counters, Counters]]) -> ComparedTries:
    """The tries of the version that is judged and of the one beside it."""
    arms = shares.arms_of(status)
    if arms is None:
        return ComparedTries()
    return ComparedTries(
        candidate=_tries(pairs, arms.judged, *arms.judged_by),
        stable=_tries(pairs, arms.beside, *arms.beside_by),
        promoted=status.previous is not None,
    )


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
