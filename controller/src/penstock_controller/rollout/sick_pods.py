"""Pods that fail far more often than their siblings: named, left out of the comparison of versions, and replaced.

Which tries of an interval count is settled before the interval, by what was known of the pods then. Pods that become
suspected by the interval itself are left to the gates: each bet counts with what is the lower for it, with them or
without. Both versions are treated alike, so nobody gains from it that a pod is left out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from penstock_contracts.api.reasons import Reason
from penstock_contracts.api.status import EvidenceStatus, ModelDeploymentStatus, Revision, SickPod
from penstock_controller.analysis.counts import CountedTries
from penstock_controller.rollout import pod_readings, shares
from penstock_controller.rollout.condition import ConditionState
from penstock_controller.rollout.decision import Announcement, ReplacePod
from penstock_controller.rollout.observation import Observation, RevisionPod, Workload
from penstock_controller.rollout.pod_readings import CountedPod, PodInterval
from penstock_controller.rollout.timestamps import stamp

HEALTHY = "PodsHealthy"
"""The condition, there only while a sick pod is."""
MOST_REPLACED = 2
"""Pods of a version that are replaced in an attempt. What makes one pod after the other sick is the version."""
_MOST_NAMED = 16
_LONGEST_REMARK = 300
"""Characters."""
_FEWEST_READY = 2
"""A pod is replaced only while another one is ready."""


@dataclass(frozen=True, kw_only=True)
class PodVerdicts:
    """What is known of pods after an interval, and which of its tries count."""

    known: Mapping[str, CountedPod]
    """All pods, by name."""
    left_out: frozenset[str]
    """Those whose tries do not count, by what was known before the interval."""
    doubted: frozenset[str]
    """The same, by what is known after it."""
    named: tuple[SickPod, ...]
    """Those that are known to be sick since the interval."""
    is_told: bool
    """Whether the tries of those that are left out are known."""

    @property
    def any_suspected(self) -> bool:
        """Whether a pod may be sick, and is not known to be."""
        return any(pod.evidence.is_suspected and not pod.evidence.is_sick for pod in self.known.values())


def judge(status: ModelDeploymentStatus, before: EvidenceStatus, interval: PodInterval, now: datetime) -> PodVerdicts:
    """What an interval says of the pods of the versions that are compared."""
    sick = frozenset(pod.name for pod in before.sick_pods)
    known, left_out, doubted, named = dict(interval.now), frozenset[str](), frozenset[str](), list[SickPod]()
    for revision in (one.revision for one in shares.judged_and_beside(status) or ()):
        tried = interval.tried(revision)
        healthy = interval.now.keys() - sick - interval.unclear
        for name, found in pod_readings.evidence_after(interval, revision, tried, healthy).items():
            known[name] = replace(known[name], evidence=found)
        serving = interval.serving(revision)
        left_out |= _out(serving, interval.now, sick) | (interval.unclear & tried.keys())
        suspected = _out(serving, known, sick)
        doubted |= suspected
        proven = [name for name in sorted(suspected - sick) if known[name].evidence.is_sick]
        named += [_named(name, revision, known, stamp(now)) for name in proven]
    return PodVerdicts(
        known=known,
        left_out=left_out,
        doubted=left_out | doubted,
        named=tuple(named[: _MOST_NAMED - len(before.sick_pods)]),
        is_told=interval.told or not _any_out(interval.now, sick),
    )


def _out(serving: frozenset[str], known: Mapping[str, CountedPod], sick: frozenset[str]) -> frozenset[str]:
    """The pods that are sick or suspected; none where they are more than half: then it is no matter of single pods."""
    out = frozenset(name for name in serving if name in sick or known[name].evidence.is_suspected)
    return out if 2 * len(out) <= len(serving) else frozenset()


def _any_out(known: Mapping[str, CountedPod], sick: frozenset[str]) -> bool:
    return any(name in sick or pod.evidence.is_suspected for name, pod in known.items())


def _named(name: str, revision: str, known: Mapping[str, CountedPod], now: str) -> SickPod:
    own = known[name].of(revision)
    all_pods = sum((pod.of(revision) for pod in known.values()), CountedTries())
    message = f"failed {own}, the version's other pods {all_pods - own}"
    return SickPod(name=name, revision=revision, since=now, message=message)


def named_in(status: ModelDeploymentStatus) -> tuple[SickPod, ...]:
    """The pods that were named in this attempt, in that order."""
    evidence = status.evidence
    return evidence.sick_pods if evidence and evidence.attempt == status.attempt else ()


def _of(status: ModelDeploymentStatus, revision: str) -> tuple[SickPod, ...]:
    return tuple(pod for pod in named_in(status) if pod.revision == revision)


def fault(status: ModelDeploymentStatus) -> str:
    """Why the version that is judged is to blame for its sick pods; empty: it is not."""
    pointers = shares.judged_and_beside(status)
    found = _of(status, pointers[0].revision) if pointers else ()
    if len(found) <= MOST_REPLACED:
        return ""
    told = "; ".join(f"pod {pod.name} {pod.message}" for pod in found)
    return f"{len(found)} of its pods fell sick, one after the other, so it is the version: {told}"


def replacements(status: ModelDeploymentStatus, observation: Observation) -> tuple[ReplacePod, ...]:
    """The pod that is to be replaced now: one at a time, and only while none of the compared versions lacks a pod."""
    workloads = _workloads(status, observation)
    if any(workload.ready < workload.replicas for workload in workloads.values()):
        return ()
    for sick, pod in _present(status, workloads):
        may = _may_be_replaced(status, sick) and workloads[sick.revision].ready >= _FEWEST_READY
        if may and not pod.leaving:
            return (ReplacePod(revision=sick.revision, pod=pod.name, uid=pod.uid),)
    return ()


def _may_be_replaced(status: ModelDeploymentStatus, sick: SickPod) -> bool:
    return sick in _of(status, sick.revision)[:MOST_REPLACED]


def _workloads(status: ModelDeploymentStatus, observation: Observation) -> dict[str, Workload]:
    """Of the versions that stay."""
    candidate = status.candidate if status.candidate and status.candidate.ending is None else None
    pointers = [pointer for pointer in (candidate, status.stable, status.previous) if pointer]
    found = ((pointer.revision, observation.workloads.get(pointer.revision)) for pointer in pointers)
    return {revision: workload for revision, workload in found if workload}


def _present(status: ModelDeploymentStatus, workloads: Mapping[str, Workload]) -> Iterator[tuple[SickPod, RevisionPod]]:
    """The named pods that are still there."""
    for sick in named_in(status):
        for pod in workloads[sick.revision].pods if sick.revision in workloads else ():
            if pod.name == sick.name:
                yield sick, pod


def judgement(status: ModelDeploymentStatus, observation: Observation) -> ConditionState | None:
    """The condition; None: no sick pod is known."""
    workloads = _workloads(status, observation)
    told = [_in_words(status, sick) for sick, _ in _present(status, workloads)]
    if not told:
        return None
    return ConditionState(type=HEALTHY, status=False, reason=Reason.SICK_POD, message="; ".join(told))


def announcements(before: ModelDeploymentStatus, after: ModelDeploymentStatus) -> Iterator[Announcement]:
    """An Event for each that is found."""
    known = {(pod.revision, pod.name) for pod in named_in(before)} if before.attempt == after.attempt else set()
    for sick in named_in(after):
        if (sick.revision, sick.name) not in known:
            message = f"attempt {after.attempt}, {_in_words(after, sick)}"
            yield Announcement(type="Warning", reason=Reason.SICK_POD, message=message, attempt=after.attempt)


def _in_words(status: ModelDeploymentStatus, sick: SickPod) -> str:
    version = next((one.version for one in _revisions(status) if one.revision == sick.revision), "?")
    told = f"version {version}: pod {sick.name} is sick, it {sick.message}; its tries do not count any more, and it "
    if _may_be_replaced(status, sick):
        return told + "is replaced"
    return told + f"stays, as {MOST_REPLACED} pods of the version were replaced in this attempt"


def _revisions(status: ModelDeploymentStatus) -> Iterator[Revision]:
    yield from (one for one in (status.candidate, status.stable, status.previous) if one)


def remark(status: ModelDeploymentStatus) -> str:
    """What a decision record says of them, to be put behind a sentence; empty: there were none."""
    names = ", ".join(pod.name for pod in named_in(status))
    return f"; left out as sick: {names}"[:_LONGEST_REMARK] if names else ""
