"""Tries by pod: from the gateway pods' counters to what each pod did in an interval, and how likely it is sick.

Status has of each pod the sum over all gateway pods, so their number does not matter to its size. The difference of two
sums is an interval's tries as long as all gateway pods that gave the first one gave the second one too.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from penstock_contracts.api.status import EvidenceStatus
from penstock_contracts.evidence import MOST_PODS, TryReason
from penstock_controller.analysis.counts import CountedTries
from penstock_controller.analysis.sick_pod import PodEvidence
from penstock_controller.gates.evidence import TryCount
from penstock_controller.rollout import counters
from penstock_controller.rollout.counters import Counters
from penstock_controller.rollout.observation import Reading, Workload

_MOST = 256
"""Pods that status has: two revisions' and some that left."""


@dataclass(frozen=True, kw_only=True)
class CountedPod:
    """What is known of a pod: where it is, its tries in the attempt, and whether it is sick."""

    address: str
    counters: Counters = field(default_factory=dict)
    evidence: PodEvidence = field(default_factory=PodEvidence)

    def text(self) -> str:
        """As it stands in status."""
        return f"{self.address} {self.evidence.log_odds:.5f}; {counters.to_text(self.counters)}"

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """What `text` was taken from; None: a status that was edited by hand."""
        head, _, rest = text.partition("; ")
        counted = counters.from_text(rest)
        try:
            address, odds = head.split(" ")
            return (
                None if counted is None else cls(address=address, counters=counted, evidence=PodEvidence(float(odds)))
            )
        except ValueError:
            return None

    def of(self, revision: str) -> CountedTries:
        """Its tries for a revision."""
        return counters.of_revision(self.counters, revision)


@dataclass(frozen=True, kw_only=True)
class PodInterval:
    """What the pods did since the last reading."""

    before: Mapping[str, CountedPod]
    """By name, at its beginning."""
    now: Mapping[str, CountedPod]
    """At its end, with the evidence of the beginning."""
    tries: Mapping[str, Counters]
    """Of the interval, by the pod's name."""
    there: frozenset[str] = frozenset()
    """Pods that have not left."""
    unclear: frozenset[str] = frozenset()
    """Pods at whose address another one was before: some of the tries may be that one's."""
    told: bool = True
    """Whether all tries can be told by pod. Not so after gateway pods went, or were silent."""

    def tried(self, revision: str) -> dict[str, CountedTries]:
        """The pods of a revision that were tried in the interval, with their tries."""
        found = ((name, counters.of_revision(counted, revision)) for name, counted in self.tries.items())
        return {name: tries for name, tries in found if tries.tries}

    def serving(self, revision: str) -> frozenset[str]:
        """The pods of a revision that were tried in the interval, or before and are still there."""
        found = (name for name, pod in self.now.items() if name in self.there and pod.of(revision).tries)
        return frozenset((*self.tried(revision), *found))

    def at(self, names: Iterable[str], revision: str, arms: Collection[TryReason]) -> TryCount:
        """The tries of the interval at these pods, as far as they are compared."""
        total = TryCount()
        for name in names:
            total = total.plus(counters.tries_between({}, self.tries.get(name, {}), revision, arms))
        return total


def first_texts(readings: tuple[Reading, ...], workloads: tuple[Workload, ...]) -> dict[str, str]:
    """What stands in status after the first reading of an attempt."""
    return texts(_now({}, _sums(readings), workloads))


def texts(pods: Mapping[str, CountedPod]) -> dict[str, str]:
    """What stands in status of pods."""
    return {name: pod.text() for name, pod in list(pods.items())[:_MOST]}


def sources_of(readings: Iterable[Reading]) -> str:
    """A name for the gateway pods that answered."""
    return _fingerprint(reading.source for reading in readings)


def _fingerprint(sources: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(sources)).encode()).hexdigest()[:16]


def interval_of(before: EvidenceStatus, readings: tuple[Reading, ...], workloads: tuple[Workload, ...]) -> PodInterval:
    """What came since the last reading."""
    parsed = ((name, CountedPod.from_text(text)) for name, text in before.pods.items())
    known = {name: pod for name, pod in parsed if pod}
    there = _there(workloads)
    if not readings:
        return PodInterval(before=known, now=known, tries={}, there=there, told=False)
    sums = _sums(readings)
    now = _now(known, sums, workloads)
    if before.pod_sources != _fingerprint(one.source for one in readings if one.source in before.readings):
        return PodInterval(before=known, now=now, tries={}, there=there, told=False)
    holders = {pod.address: name for name, pod in known.items()}
    full = _is_full(known.values())
    tries = {
        name: _since(known[holders[pod.address]] if pod.address in holders else None, pod, full=full)
        for name, pod in now.items()
    }
    moved = frozenset(name for name, pod in now.items() if holders.get(pod.address, name) != name)
    return PodInterval(before=known, now=now, tries=tries, there=there, unclear=moved)


def _there(workloads: Iterable[Workload]) -> frozenset[str]:
    return frozenset(pod.name for one in workloads for pod in one.pods)


def _now(
    known: Mapping[str, CountedPod], sums: Mapping[str, Counters], workloads: tuple[Workload, ...]
) -> dict[str, CountedPod]:
    """The pods that were tried, and those that were known and are still there, with what is known of them."""
    names = _names(sums, workloads, known)
    there = _there(workloads)
    pods = {
        names[address]: CountedPod(address=address, counters=counted, evidence=_evidence(known, names[address]))
        for address, counted in sums.items()
    }
    for name, pod in known.items():
        if name in there and name not in pods:
            pods[name] = replace(pod, counters={})
    return pods


def _evidence(known: Mapping[str, CountedPod], name: str) -> PodEvidence:
    return known[name].evidence if name in known else PodEvidence()


def _since(earlier: CountedPod | None, now: CountedPod, *, full: bool) -> Counters:
    if earlier is None:
        # Where not all pods are told, one that is told for the first time may have been tried long before.
        return {} if full else now.counters
    return counters.since(earlier.counters, now.counters)


def _is_full(known: Collection[CountedPod]) -> bool:
    keys = [key for pod in known for key in pod.counters]
    return any(keys.count(key) >= MOST_PODS for key in set(keys))


def _sums(readings: Iterable[Reading]) -> dict[str, Counters]:
    """By address, of all gateway pods that answered."""
    sums: dict[str, dict[tuple[str, str], TryCount]] = {}
    for one in (one for reading in readings for one in reading.tries if one.arm is not TryReason.RESCUE):
        key = (one.revision, one.arm.value)
        for address, count in one.pods.items():
            at = sums.setdefault(address, {})
            at[key] = at[key].plus(count) if key in at else count
    return dict(sorted(sums.items()))


def _names(addresses: Iterable[str], workloads: Iterable[Workload], known: Mapping[str, CountedPod]) -> dict[str, str]:
    """Which pod is, or was last, at each address. One that nobody knows is called by its address."""
    last = {pod.address: name for name, pod in known.items()}
    there = [(address, pod) for one in workloads for pod in one.pods for address in pod.addresses]
    # Of an ending pod and a new one at its address, the new one.
    current = {address: pod.name for address, pod in sorted(there, key=lambda item: not item[1].leaving)}
    return {address: current.get(address, last.get(address, address)) for address in addresses}


def evidence_after(
    interval: PodInterval, revision: str, tried: Mapping[str, CountedTries], healthy: Collection[str]
) -> dict[str, PodEvidence]:
    """What is known of the pods of a revision after the interval, each compared with its siblings.

    `tried`: all of the revision; `healthy`: those that can be siblings. A sick one is compared with them no more.
    """
    compared = {name: tries for name, tries in tried.items() if name in healthy}
    if all(interval.now[name].evidence.is_cleared_by(tries) for name, tries in compared.items()):
        return dict.fromkeys(compared, PodEvidence())
    total = _total(compared.values())
    earlier = {name: pod.of(revision) for name, pod in interval.before.items() if name in healthy}
    all_earlier = _total(earlier.values())
    return {
        name: interval.now[name].evidence.after(tries, total - tries, all_earlier - earlier.get(name, CountedTries()))
        for name, tries in compared.items()
    }


def _total(counts: Iterable[CountedTries]) -> CountedTries:
    return sum(counts, CountedTries())
