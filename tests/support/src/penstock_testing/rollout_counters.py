"""What gateway pods would count in a world of values: tries at revisions, by the splits that are active on them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock_contracts.evidence import Arm
from penstock_contracts.traffic import TrafficSplit
from penstock_controller.rollout.observation import ArmTries, Reading

_Slot = tuple[int, str, Arm]
"""Attempt, revision, arm."""


@dataclass
class GatewayCounters:
    """One gateway pod's counters. They grow until `restart`."""

    name: str
    epoch: int = 0
    tries: Counter[_Slot] = field(default_factory=Counter)
    failures: Counter[_Slot] = field(default_factory=Counter)

    def restart(self) -> None:
        """Envoy starts: the counters begin at 0."""
        self.epoch += 1
        self.tries.clear()
        self.failures.clear()

    def serve(self, split: TrafficSplit | None, requests: int, failing: Mapping[str, float]) -> int:
        """Route requests by the split; `failing`: revision to its share of failures. Answers how many users saw one."""
        lost = 0
        for backend in split.backends if split else ():
            count = round(requests * backend.weight / 100)
            lost += self._users(split, backend.revision, count, failing)  # type: ignore[arg-type]  # there is a backend
        if split and split.mirror:
            copies = round(requests * split.mirror.percentage / 100)
            self._count((split.attempt, split.mirror.revision, Arm.SHADOW), copies, failing)
        return lost

    def _users(self, split: TrafficSplit, revision: str, count: int, failing: Mapping[str, float]) -> int:
        failed = self._count((split.attempt, revision, Arm.USERS), count, failing)
        if split.rescue and split.rescue != revision:
            return self._count((split.attempt, split.rescue, Arm.RESCUE), failed, failing)
        return failed

    def _count(self, slot: _Slot, count: int, failing: Mapping[str, float]) -> int:
        failed = round(count * failing.get(slot[1], 0.0))
        self.tries[slot] += count
        self.failures[slot] += failed
        return failed

    def reading(self, attempt: int) -> Reading:
        """What the pod answers about an attempt."""
        slots = [slot for slot in self.tries if slot[0] == attempt]
        return Reading(
            source=f"{self.name}/{self.epoch}",
            tries=tuple(
                ArmTries(
                    revision=slot[1],
                    arm=slot[2],
                    tries=self.tries[slot],
                    failures=self.failures[slot],
                    kinds={"500": self.failures[slot]} if self.failures[slot] else {},
                )
                for slot in slots
            ),
        )
