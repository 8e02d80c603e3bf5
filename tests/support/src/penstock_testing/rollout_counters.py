"""What gateway pods would count in a world of values: tries at revisions, by the splits that are active on them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from penstock_contracts.evidence import TryReason
from penstock_contracts.traffic import TrafficSplit
from penstock_controller.gates.evidence import TryCount
from penstock_controller.rollout.observation import ArmTries, Reading

Slot = tuple[int, str, TryReason]
"""Attempt, revision, arm."""
_TESTERS = 10
"""Of 100 requests so many more come from testers, with the headers of a match."""


@dataclass(frozen=True)
class Loss:
    """Requests that failed in users' eyes."""

    requests: int
    tried: tuple[str, ...]
    """The revisions that were tried for them, in order."""


Pods = Mapping[str, Mapping[str, float]]
"""Revision to the addresses of its pods, and each pod's share of failed tries."""


@dataclass
class GatewayCounters:
    """One gateway pod's counters. They grow until `restart`."""

    name: str
    epoch: int = 0
    tries: Counter[Slot] = field(default_factory=Counter)
    failures: Counter[Slot] = field(default_factory=Counter)
    pod_tries: Counter[tuple[Slot, str]] = field(default_factory=Counter)
    pod_failures: Counter[tuple[Slot, str]] = field(default_factory=Counter)

    def restart(self) -> None:
        """Envoy starts: the counters begin at 0."""
        self.epoch += 1
        for counter in (self.tries, self.failures, self.pod_tries, self.pod_failures):
            counter.clear()

    def branch(self) -> "GatewayCounters":
        """Other counters that begin as these are now."""
        return GatewayCounters(
            self.name,
            self.epoch,
            self.tries.copy(),
            self.failures.copy(),
            self.pod_tries.copy(),
            self.pod_failures.copy(),
        )

    def serve(self, split: TrafficSplit | None, requests: int, failing: Mapping[str, float], pods: Pods) -> list[Loss]:
        """Route requests by the split. Answers what users lost.

        `failing`: revision to its share of failures; `pods`: where some pods of it fail otherwise.
        """
        if split is None:
            return []
        told = pods if split.by_pod else {}
        losses = [self._users(split, revision, count, failing, told) for revision, count in _routed(split, requests)]
        if split.mirror:
            copied = split.mirror.source or max(split.backends, key=lambda backend: backend.weight).revision
            asked = next(backend.weight for backend in split.backends if backend.revision == copied)
            copies = round(requests * asked / 100 * split.mirror.percentage / 100)
            self._count((split.attempt, split.mirror.revision, TryReason.SHADOW), copies, failing, told)
        return [loss for loss in losses if loss.requests]

    def _users(self, split: TrafficSplit, revision: str, count: int, failing: Mapping[str, float], pods: Pods) -> Loss:
        failed = self._count((split.attempt, revision, TryReason.USERS), count, failing, pods)
        if split.rescue and split.rescue != revision:
            lost = self._count((split.attempt, split.rescue, TryReason.RESCUE), failed, failing, {})
            return Loss(lost, (revision, split.rescue))
        return Loss(failed, (revision,))

    def _count(self, slot: Slot, count: int, failing: Mapping[str, float], pods: Pods) -> int:
        if not count:
            return 0
        failed = self._count_pods(slot, count, pods.get(slot[1], {}))
        if failed is None:
            failed = round(count * failing.get(slot[1], 1.0))
        self.tries[slot] += count
        self.failures[slot] += failed
        return failed

    def _count_pods(self, slot: Slot, count: int, pods: Mapping[str, float]) -> int | None:
        """Spread tries evenly over pods. Answers how many of them failed; None: pods are not told apart."""
        if not pods:
            return None
        shares = list(pods.values())
        spread = _spread(count, len(pods), self.tries[slot])
        alike = len(set(shares)) == 1
        failed = (
            _spread(round(count * shares[0]), len(pods), self.failures[slot])
            if alike
            else [round(part * share) for part, share in zip(spread, shares, strict=True)]
        )
        for address, part, bad in zip(pods, spread, failed, strict=True):
            self.pod_tries[slot, address] += part
            self.pod_failures[slot, address] += min(part, bad)
        return sum(min(part, bad) for part, bad in zip(spread, failed, strict=True))

    def reading(self, attempt: int, latencies: Mapping[str, Sequence[int]]) -> Reading:
        """What the pod answers about an attempt; `latencies`: revision to the buckets that its tries take in turn."""
        slots = [slot for slot in self.tries if slot[0] == attempt]
        return Reading(
            source=f"{self.name}/{self.epoch}",
            tries=tuple(
                ArmTries(
                    revision=slot[1],
                    arm=slot[2],
                    tries=self.tries[slot],
                    failures=self.failures[slot],
                    kinds=_kinds(self.failures[slot]),
                    latencies=_in_turn(self.tries[slot] - self.failures[slot], latencies.get(slot[1], ())),
                    pods=self._pods(slot),
                )
                for slot in slots
            ),
        )

    def _pods(self, slot: Slot) -> Mapping[str, TryCount]:
        return {
            address: TryCount(
                tries=tries,
                failures=self.pod_failures[slot, address],
                kinds=_kinds(self.pod_failures[slot, address]),
            )
            for (whose, address), tries in self.pod_tries.items()
            if whose == slot
        }


def _kinds(failures: int) -> Mapping[str, int]:
    return {"500": failures} if failures else {}


def _spread(count: int, parts: int, offset: int) -> list[int]:
    """So many in parts that are as equal as they can be; `offset`: how many were spread before."""
    return [(count + offset + place) // parts - (offset + place) // parts for place in range(parts)]


def _in_turn(tries: int, buckets: Sequence[int]) -> Mapping[int, int]:
    counts = {bucket: (tries + place) // len(buckets) for place, bucket in enumerate(buckets)}
    return {bucket: count for bucket, count in counts.items() if count}


def _routed(split: TrafficSplit, requests: int) -> Iterator[tuple[str, int]]:
    for backend in split.backends:
        yield backend.revision, round(requests * backend.weight / 100)
    for match in split.match:
        yield match.revision, round(requests * _TESTERS / 100)
